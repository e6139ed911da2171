use super::*;

const FILE: &str = "\
# callgrind format
version: 1
positions: line
events: Ir
fn=(1) main
5 10
+2 3
cfn=(2) corelane::turn
calls=4 +8
* 1000
fn=(2)
20 100
-3 20
cfn=(3) <a as b>::c
calls=1 0
+1 7
fn=(3)
* 7
fn=(1)
9 1
totals: 1141
";

#[test]
fn self_costs_add_up_by_function_without_those_of_calls() {
    let costs = parse(FILE);
    assert_eq!(costs["main"], 14, "10, 3 and, further down, 1");
    assert_eq!(costs["corelane::turn"], 120);
    assert_eq!(costs["<a as b>::c"], 7);
    assert_eq!(costs.len(), 3, "{costs:?}");
}

#[test]
fn lines_that_are_no_costs_are_passed_over() {
    for line in ["", "version: 1", "fl=(1)", "totals: 1141", "summary: 3", "5", "x 3", "5 y"] {
        assert_eq!(cost(line), None, "{line}");
    }
    assert_eq!([cost("+3 9"), cost("* 2"), cost("17 4")], [Some(9), Some(2), Some(4)]);
}
