//! Builds the guests ahead of the tests, which otherwise build them when the first one is needed.

fn main() {
    lockgate_tests::guests::build();
}
