//! What is too much, is refused early; and what is much, but fair, is not.

use lockgate_json::select::{Limit, Path, Reach, Selection, SelectionBuilder, Shape, Shapes, TooComplex};

fn of_paths(paths: &[&str]) -> Result<Selection, TooComplex> {
    let mut builder = SelectionBuilder::default();
    builder.entry();
    let mut entry = builder.entry();
    for path in paths {
        entry.path(&Path::json_path(path).unwrap(), 1, Reach::Here);
    }
    builder.build()
}

#[test]
fn paths_that_double_the_states_with_each_step_are_refused() {
    let bombs = [
        format!("$..a{}", ".*".repeat(12)),
        format!("$..[1]{}", ".*".repeat(10)),
        format!("$..a{}", ".*".repeat(20)),
        format!("$..a{}", ".*".repeat(1_000)),
        format!("$..a{}", "[*,'b',1]".repeat(20)),
        format!("$..[::2]{}", "[::3,1:7]".repeat(20)),
    ];
    for bomb in &bombs {
        assert_eq!(of_paths(&[bomb]).err(), Some(TooComplex { entry: Some(1), limit: Limit::Work }), "{bomb}");
    }
    assert!(of_paths(&[&format!("$..a{}", ".*".repeat(8))]).is_ok());
    // Where all segments descend, one that has been reached remains so: nothing doubles.
    assert!(of_paths(&[&format!("$..a{}", "..*".repeat(60))]).is_ok());
}

#[test]
fn shapes_that_all_apply_where_one_does_are_refused_when_they_are_too_many() {
    let all = || Shape { also: (0..400).collect(), ..Shape::default() };
    let first = Shape { members: (0..400).map(|name| (format!("m{name}"), name)).collect(), ..all() };
    let shapes = Shapes { shapes: std::iter::once(first).chain(std::iter::repeat_with(all)).take(400).collect() };
    let mut builder = SelectionBuilder::default();
    let described = builder.describe(&shapes, |_| None, Some(1)).unwrap();
    builder.entry().shapes(&described, 0).unwrap();
    assert_eq!(builder.build().err(), Some(TooComplex { entry: Some(0), limit: Limit::Work }));
}

#[test]
fn steps_that_meet_in_one_array_are_counted() {
    let slices: Vec<String> = (2..10).map(|step| format!("$[::{step}].a{step}")).collect();
    let slices: Vec<&str> = slices.iter().map(String::as_str).collect();
    assert_eq!(of_paths(&slices).err(), Some(TooComplex { entry: Some(1), limit: Limit::Steps }));
    assert!(of_paths(&slices[..6]).is_ok());
    // One and the same step counts once.
    assert!(
        of_paths(&["$[::2].a", "$[4::2].b", "$[2::2].c", "$[6::2].d", "$[8::2].e", "$[10::2].f", "$[12::2].g"]).is_ok()
    );
}

#[test]
fn states_and_names_are_counted() {
    let long: Vec<String> = (0..61).map(|path| format!("$.p{path}{}", ".a".repeat(1_000))).collect();
    let mut builder = SelectionBuilder::default();
    let mut entry = builder.entry();
    for (rule, path) in long.iter().enumerate() {
        entry.path(&Path::json_path(path).unwrap(), u16::try_from(rule).unwrap(), Reach::Here);
    }
    assert_eq!(builder.build().err(), Some(TooComplex { entry: Some(0), limit: Limit::States }));

    let mut builder = SelectionBuilder::default();
    let mut entry = builder.entry();
    for name in 0..=u32::from(u16::MAX) {
        entry.path(&Path::field(&name.to_string()), 1, Reach::Here);
    }
    assert_eq!(builder.build().err(), Some(TooComplex { entry: None, limit: Limit::Names }));
}

#[test]
fn many_items_and_a_long_path_are_fair() {
    let items: Vec<String> = (0..1_000).map(|index| format!("$[{}].a", index * 3)).collect();
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let selection = of_paths(&items).unwrap();
    let root = selection.root(1).unwrap();
    assert!(selection.is_quiet(selection.item(root, 2)));
    assert_eq!(selection.rules(selection.member(selection.item(root, 2_997), "a")), [1]);
    assert_eq!(of_paths(&[&format!("${}", ".a".repeat(5_000))]).unwrap().states(), 5_002);
}

/// An API of 300 operations, each with an answer of 60 fields in a few objects, of which some are personal.
fn api() -> Shapes {
    let mut shapes = Vec::new();
    for operation in 0..300 {
        let first = shapes.len();
        for object in 0..6 {
            let members = (0..10).map(|field| {
                // Some names of its own, some that all have; each object leads to the next.
                let name = if field < 5 { format!("field_{field}_of_{operation}") } else { format!("common_{field}") };
                match field {
                    9 if object < 5 => (name, first + object + 1),
                    8 => (name, first + 6 + usize::from(operation % 7 == 0)),
                    _ => (name, first + 7),
                }
            });
            shapes.push(Shape { members: members.collect(), is_closed: true, ..Shape::default() });
        }
        shapes.push(Shape { class: Some(operation % 4), ..Shape::default() });
        shapes.push(Shape::default());
    }
    Shapes { shapes }
}

#[test]
fn a_large_api_is_small_in_memory() {
    let mut builder = SelectionBuilder::default();
    let described = builder.describe(&api(), |class| Some((class, Reach::Below)), Some(9)).unwrap();
    for operation in 0..300 {
        builder.entry().shapes(&described, operation * 8).unwrap();
    }
    let selection = builder.build().unwrap();
    assert!(selection.states() < 2_000, "{} states", selection.states());
    let per_state = selection.bytes() / selection.states();
    assert!(per_state < 200, "{per_state} bytes per state of ten fields, {} in all", selection.bytes());
}

#[test]
fn thousands_of_names_are_fair() {
    let fields: Vec<String> = (0..3_000).map(|n| format!("field{n}")).collect();
    let mut builder = SelectionBuilder::default();
    let mut entry = builder.entry();
    for field in &fields {
        entry.path(&Path::field(field), 1, Reach::Below);
    }
    entry.allow(&fields.iter().map(|field| Path::field(field)).collect::<Vec<_>>(), 2);
    let selection = builder.build().unwrap();
    assert_eq!(selection.states(), 3);
}
