use super::*;
use crate::memory::ENGINES;

fn stored() -> Baseline {
    read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json"))).unwrap()
}

#[test]
fn the_stored_file_is_complete() {
    let stored = stored();
    assert_eq!(stored.update, UPDATE);
    for row in &stored.rows {
        assert!(ENGINES.contains(&row.echo.engine), "{row:?}");
        assert!(row.instructions > 500, "{row:?}");
    }
    let has = |name: &str| stored.rows.iter().any(|row| row.echo.engine.to_string() == name);
    assert!(has("corelane-stack") && has("corelane") && has("corelane-poll"));
}

#[test]
fn a_ratio_says_how_many_times_as_many() {
    let row = Row { instructions: 5000, ..stored().rows[0] };
    assert!((row.ratio(5100.0) - 1.02).abs() < 1e-9);
    let none = Row { instructions: 0, ..row };
    assert!(none.ratio(100.0) > 1.0, "never less than nothing, and no division by it");
}

#[test]
fn files_that_are_no_baselines_are_named() {
    let path = std::env::temp_dir().join(format!("corelane-baseline-test-{}", std::process::id()));
    for text in ["", "{}", "{\"rustc\":\"1\",\"update\":\"\",\"rows\":[{\"engine\":\"nobody\"}]}"] {
        fs::write(&path, text).unwrap();
        let error = format!("{:#}", read(&path).unwrap_err());
        assert!(error.starts_with("--baseline ") && error.contains("instructions.json"), "{error}");
    }
    fs::remove_file(&path).unwrap();
    let error = format!("{:#}", read(&path).unwrap_err());
    assert!(error.contains("No such file"), "{error}");
}

#[test]
fn what_is_written_is_read_again() {
    let path = std::env::temp_dir().join(format!("corelane-baseline-round-{}", std::process::id()));
    let baseline = stored();
    write(&path, &baseline).unwrap();
    assert_eq!(read(&path).unwrap(), baseline);
    fs::remove_file(&path).unwrap();
}
