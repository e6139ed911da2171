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
    let Run { costs, allocations } = parse(FILE);
    assert_eq!(allocations, 0);
    assert_eq!(costs["main"], 14, "10, 3 and, further down, 1");
    assert_eq!(costs["corelane::turn"], 120);
    assert_eq!(costs["<a as b>::c"], 7);
    assert_eq!(costs.len(), 3, "{costs:?}");
}

#[test]
fn calls_of_the_allocator_are_counted_whoever_calls() {
    let file = "fn=(1) main\n5 10\ncfn=(2) malloc\ncalls=4 +8\n* 400\ncfn=(3) _int_malloc\ncalls=9 0\n* 1\nfn=(4) other\n\
                cfn=(2)\ncalls=3 0\n+1 300\ncfn=(5) realloc\ncalls=2 0\n+1 70\ncfn=(6) free\ncalls=5 0\n+1 5\nfn=(2)\n1 700\n";
    let run = parse(file);
    assert_eq!(run.allocations, 4 + 3 + 2);
    assert_eq!(run.costs["malloc"], 700);
}

#[test]
fn lines_that_are_no_costs_are_passed_over() {
    for line in ["", "version: 1", "fl=(1)", "totals: 1141", "summary: 3", "5", "x 3", "5 y"] {
        assert_eq!(cost(line), None, "{line}");
    }
    assert_eq!([cost("+3 9"), cost("* 2"), cost("17 4")], [Some(9), Some(2), Some(4)]);
}
