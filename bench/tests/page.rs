//! The page of a report, opened in Chromium: narrow and wide, light and dark.
//!
//! `scripts/test.sh --only page` installs Chromium. The screenshots stay in the folder tmp of cargo's target folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, process};

use serde_json::Value;

/// Names of the browser; the variable CHROMIUM comes before them.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A phone's width, and a desk's, in CSS pixels.
const WIDTHS: [(&str, u32); 2] = [("phone", 375), ("wide", 1280)];

/// Shows the page at a width, since Chromium's own window is never narrower than 500 pixels, and measures it.
const MEASURE: &str = r#"<!DOCTYPE html><title>measure</title><body style="margin:0">
<iframe src="report.html" style="border:0;display:block;width:WIDTHpx;height:2000px"></iframe><pre id="result"></pre>
<script>
addEventListener('load', () => {
  const view = frames[0], page = view.document, style = view.getComputedStyle(page.body);
  const box = element => element.getBoundingClientRect();
  const drawings = [...page.querySelectorAll('svg')].filter(svg => !svg.closest('details:not([open])'));
  const outside = [...page.querySelectorAll('.chart text')].filter(text => {
    const own = box(text), whole = box(text.closest('svg'));
    return own.left < whole.left - 1 || own.right > whole.right + 1 || own.bottom > whole.bottom + 1;
  });
  const wide = [...page.querySelectorAll('body *')].filter(
    element => box(element).right > view.innerWidth + 1 && !element.closest('.scroll'));
  const fonts = [...page.querySelectorAll('.chart text')].map(text => box(text).height);
  document.getElementById('result').textContent = JSON.stringify({
    inner: view.innerWidth, scroll: page.documentElement.scrollWidth,
    drawings: drawings.length, empty: drawings.filter(svg => box(svg).width < 20 || box(svg).height < 10).length,
    outside: outside.map(text => text.textContent), wide: wide.map(element => element.outerHTML.slice(0, 200)),
    smallest: Math.min(...fonts), background: style.backgroundColor, text: style.color,
    muted: view.getComputedStyle(page.querySelector('section p')).color,
    lines: [...page.querySelectorAll('.chart .line')].map(line => view.getComputedStyle(line).stroke),
  }).replace(/[<>&]/g, ' ');
});
</script>
"#;

/// Has the browser count the colours of a screenshot.
const LOOK: &str = r#"<!DOCTYPE html><title>look</title><pre id="result"></pre><img src="SCREENSHOT">
<script>
addEventListener('load', () => {
  const image = document.images[0], canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const data = context.getImageData(0, 0, WIDTH, canvas.height).data, counts = new Map();
  let light = 0;
  for (let index = 0; index < data.length; index += 4) {
    const colour = data[index] << 16 | data[index + 1] << 8 | data[index + 2];
    counts.set(colour, (counts.get(colour) || 0) + 1);
    light += data[index] + data[index + 1] + data[index + 2];
  }
  document.getElementById('result').textContent = JSON.stringify({
    height: canvas.height, colours: counts.size, light: light / (data.length / 4 * 765),
    most: Math.max(...counts.values()) / (data.length / 4),
  });
});
</script>
"#;

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _missing = fs::remove_dir_all(&self.0);
    }
}

struct Browser {
    program: String,
    folder: Folder,
}

impl Browser {
    /// `None` where there is none.
    fn find() -> Option<Self> {
        let runs = |name: &String| {
            Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
        };
        let program = env::var("CHROMIUM").into_iter().chain(NAMES.map(str::to_owned)).find(runs)?;
        let folder = env::temp_dir().join(format!("corelane-bench-{}-page", process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Some(Self { program, folder: Folder(folder) })
    }

    /// What the script of a page has written into its element `result`.
    fn open(&self, html: &str, flags: &[String]) -> Value {
        let folder = &self.folder.0;
        let page = folder.join("page.html");
        fs::write(&page, html).expect("a file");
        let output = Command::new("timeout")
            .args(["--kill-after=5", "60", &self.program, "--headless=new", "--no-sandbox", "--disable-gpu"])
            .args([
                "--hide-scrollbars",
                "--allow-file-access-from-files",
                "--disable-dev-shm-usage",
                "--dump-dom",
            ])
            .arg(format!("--user-data-dir={}", folder.join("profile").display()))
            .args(flags)
            .arg(format!("file://{}", page.display()))
            .output()
            .expect("timeout of coreutils");
        let said = String::from_utf8_lossy(&output.stdout);
        let result = said.split("<pre id=\"result\">").nth(1).and_then(|rest| rest.split("</pre>").next());
        let result = result.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        serde_json::from_str(result).unwrap_or_else(|error| panic!("{error}: {result}"))
    }
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name} in {value}"))
}

/// Relative luminance of `rgb(r, g, b)`, as WCAG 2 has it.
fn luminance(colour: &str) -> f64 {
    let inside = colour.trim_start_matches("rgb(").trim_end_matches(')');
    let linear = |part: &str| {
        let part = part.trim().parse::<f64>().unwrap_or_else(|error| panic!("{colour}: {error}")) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    inside.split(',').map(linear).zip([0.2126, 0.7152, 0.0722]).map(|(part, weight)| part * weight).sum()
}

/// WCAG's contrast of two colours: 1 to 21.
fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Makes a page of a short comparison; `None` where that can't be.
fn make(folder: &Path) -> Option<()> {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        eprintln!("SKIPPED: compare needs two cores");
        return None;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_corelane-bench"))
        .args(["compare", "--bed", "loopback", "--rounds", "1", "--seconds", "0.1", "--warmup", "0.01"])
        .args([
            "--workloads",
            "echo,bulk",
            "--connections",
            "1,3",
            "--engines",
            "epoll,tokio,corelane-kernel,corelane",
            "--size",
            "64,16384",
        ])
        .arg("--json")
        .arg(folder.join("report.json"))
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.join("report.html").exists(), "{}", String::from_utf8_lossy(&output.stdout));
    Some(())
}

#[test]
fn in_chromium_the_page_fits_is_drawn_and_is_dark_when_it_should_be() {
    let Some(browser) = Browser::find() else {
        eprintln!("SKIPPED: no Chromium: apt-get install chromium, or name one in the variable CHROMIUM");
        return;
    };
    let Some(()) = make(&browser.folder.0) else { return };
    for (name, width) in WIDTHS {
        for dark in [false, true] {
            let scheme = if dark { "dark" } else { "light" };
            let file = format!("page-{name}-{scheme}.png");
            let screenshot = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&file);
            let _missing = fs::remove_file(&screenshot);
            let mut flags = vec![
                format!("--screenshot={}", screenshot.display()),
                // What is right of the page is cut off again.
                format!("--window-size={},2000", width.max(500)),
            ];
            flags.extend(dark.then(|| "--force-dark-mode".to_owned()));
            let measured = browser.open(&MEASURE.replace("WIDTH", &width.to_string()), &flags);
            check_layout(&measured, width, &file);
            check_colours(&measured, dark, &file);

            let look = LOOK.replace("WIDTH", &width.to_string());
            let look = look.replace("SCREENSHOT", &format!("file://{}", screenshot.display()));
            let seen = browser.open(&look, &[]);
            assert!(number(&seen, "colours") > 100.0, "{file} is blank: {seen}");
            assert!(number(&seen, "most") < 0.98, "{file} is nearly blank: {seen}");
            assert_eq!(number(&seen, "light") < 0.4, dark, "{file}: {seen}");
        }
    }
}

fn check_layout(measured: &Value, width: u32, file: &str) {
    assert_eq!(number(measured, "inner"), f64::from(width), "{file}: {measured}");
    assert_eq!(number(measured, "scroll"), f64::from(width), "{file} is wider than its window: {measured}");
    assert_eq!(measured["wide"], serde_json::json!([]), "{file}: elements are cut off");
    assert_eq!(measured["outside"], serde_json::json!([]), "{file}: words of a chart are cut off");
    // Throughput, latency and cores of echo, in memory and not, and of bulk; each legend has drawings too.
    assert!(number(measured, "drawings") > 12.0, "{file}: {measured}");
    assert_eq!(number(measured, "empty"), 0.0, "{file}: {measured}");
    assert!(number(measured, "smallest") >= 10.0, "{file}: words of a chart are too small: {measured}");
}

fn check_colours(measured: &Value, dark: bool, file: &str) {
    let colour = |name: &str| measured[name].as_str().unwrap_or_else(|| panic!("{name} in {measured}"));
    let background = colour("background");
    assert_eq!(luminance(background) < 0.1, dark, "{file}: {background}");
    // WCAG 2.2, level AA: 4.5 for text (1.4.3), 3 for what a drawing is made of (1.4.11).
    for text in ["text", "muted"] {
        assert!(contrast(colour(text), background) >= 4.5, "{file}: {text}: {measured}");
    }
    let lines = measured["lines"].as_array().expect("lines");
    assert!(!lines.is_empty(), "{file}: {measured}");
    for line in lines {
        let line = line.as_str().expect("a colour");
        assert!(contrast(line, background) >= 3.0, "{file}: {line} on {background}");
    }
}

#[test]
fn contrast_is_that_of_the_standard() {
    assert!((contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") - 21.0).abs() < 1e-9);
    assert!((contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)") - 4.48).abs() < 0.01, "#777 on white");
}
