use super::*;

const STAT: &str = "cpu  1 2 3 4 5 6 7 8 9 10\n\
    cpu0 100 10 200 1000 50 5 30 7 0 0\n\
    cpu1 1 1 1 1 1 1 1 1 0 0\n\
    cpu10 9 9 9 9 9 9 9 9 0 0\n\
    intr 1\n";

#[test]
fn the_line_of_the_core_is_read() {
    let ticks = Ticks::parse(STAT, 0).expect("core 0");
    assert_eq!((ticks.user, ticks.system, ticks.idle), (110, 200, 1050));
    assert_eq!((ticks.irq, ticks.softirq, ticks.steal), (5, 30, 7));
    assert_eq!(Ticks::parse(STAT, 1).expect("core 1").user, 2);
    assert_eq!(Ticks::parse(STAT, 2), None);
    assert_eq!(Ticks::parse("cpu0 1 2 x\n", 0), None);
}

#[test]
fn shares_are_of_the_time_between() {
    let before = Ticks::parse(STAT, 0).expect("core 0");
    let after = Ticks {
        user: before.user + 10,
        system: before.system + 20,
        irq: before.irq + 5,
        softirq: before.softirq + 15,
        idle: before.idle + 40,
        steal: before.steal + 10,
    };
    let share = after.since(before);
    let expected = CpuShare { busy: 0.5, user: 0.1, system: 0.2, softirq: 0.15, steal: 0.1 };
    assert_eq!(share, expected);
    assert_eq!(before.since(before), CpuShare::default());
}

#[test]
fn this_machine_can_be_read() {
    let first = *crate::process::cores().first().expect("a core");
    let ticks = Ticks::read(first).expect("/proc/stat");
    assert!(ticks.idle + ticks.user + ticks.system > 0);
}
