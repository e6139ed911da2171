use clap::ValueEnum;

use super::*;

#[test]
fn every_engine_says_how_it_is_set() {
    for engine in Engine::value_variants() {
        assert!(!EngineSettings::of(*engine).settings.is_empty(), "{engine}");
    }
}
