use super::*;

fn chart() -> Chart {
    let point = |x: f64, y: f64| Point {
        x,
        y,
        range: Some((0.9 * y, 1.1 * y)),
        says: Some(format!("{y} at {x}")),
        doubtful: x > 5.0,
    };
    let values = [10.0, 100.0];
    Chart {
        id: "a-1".to_owned(),
        title: "echo <b>".to_owned(),
        x: Axis {
            label: "connections".to_owned(),
            scale: Scale::log_exact([1.0, 10.0].into_iter()),
            ticks: vec![(1.0, "1".to_owned()), (10.0, "10".to_owned())],
        },
        y: Axis {
            label: "requests a second".to_owned(),
            scale: Scale::linear(values.into_iter()),
            ticks: vec![(0.0, "0".to_owned()), (100.0, "100".to_owned())],
        },
        lines: vec![Line { engine: Engine::Epoll, points: vec![point(1.0, 10.0), point(10.0, 100.0)] }],
    }
}

#[test]
fn a_chart_says_what_it_shows() {
    let svg = chart().render();
    assert!(svg.contains("aria-labelledby=\"a-1-t a-1-d\""), "{svg}");
    assert!(svg.contains("<title id=\"a-1-t\">echo &lt;b&gt;</title>"), "{svg}");
    let description = "<desc id=\"a-1-d\">requests a second by connections. 10 at 1; 100 at 10</desc>";
    assert!(svg.contains(description), "{svg}");
    assert!(!svg.contains("<b>"), "{svg}");
}

#[test]
fn points_are_at_the_places_of_their_values() {
    let svg = chart().render();
    // The first at the left, a tenth above the ground; the second at the right, at the top.
    let (left, right, ground) = (LEFT + 8.0, WIDTH - RIGHT - 8.0, HEIGHT - BOTTOM);
    let y = ground - 0.1 * (ground - TOP);
    assert!(svg.contains(&format!("class=\"line\" d=\"M{left:.1} {y:.1}L{right:.1} {TOP:.1}\"")), "{svg}");
    assert_eq!(svg.matches("class=\"point\"").count(), 1, "{svg}");
    assert_eq!(svg.matches("class=\"point hollow\"").count(), 1, "a warning stands at its row: {svg}");
}

#[test]
fn a_long_tick_at_the_end_is_moved_inside() {
    let mut chart = chart();
    chart.x.ticks = vec![(10.0, "99.9999".to_owned())];
    let svg = chart.render();
    let x = svg.split("\">99.9999<").next().and_then(|before| before.rsplit("x=\"").next());
    let x: f64 = x.and_then(|x| x.split('"').next()).and_then(|x| x.parse().ok()).expect("its place");
    assert!(x + 7.0 * WIDE / 2.0 <= WIDTH, "{x}");
}

#[test]
fn a_legend_has_every_name_once() {
    let legend = legend(&[Engine::Epoll, Engine::IoUring]);
    assert_eq!(legend.matches("<li").count(), 2);
    assert!(legend.contains("</svg>epoll</li>") && legend.contains("</svg>io_uring</li>"), "{legend}");
}
