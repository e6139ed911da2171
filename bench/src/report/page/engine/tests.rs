use clap::ValueEnum;

use super::*;

#[test]
fn every_engine_has_a_look_of_its_own_and_a_colour_in_light_and_dark() {
    let style = include_str!("../style.css");
    let engines = Engine::value_variants();
    for engine in engines {
        let own = look(*engine);
        assert_eq!(engines.iter().filter(|other| look(**other).class == own.class).count(), 1, "{engine}");
        let class = own.class;
        assert_eq!(style.matches(&format!(".e-{class} {{ --own: var(--{class}); }}")).count(), 1, "{engine}");
        assert_eq!(style.matches(&format!(" --{class}: #")).count(), 2, "{engine}: light and dark");
    }
}
