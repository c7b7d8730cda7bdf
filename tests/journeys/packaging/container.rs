//! What can be said of the Containerfile without building it.

use std::fs;

use lockgate_tests::Gateway;
use lockgate_tests::guests::workspace;

/// The instructions of the Containerfile: name and rest.
fn instructions() -> Vec<(String, String)> {
    let text = fs::read_to_string(workspace().join("host/packaging/Containerfile")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
    lines.map(|(name, rest)| (name.to_owned(), rest.to_owned())).collect()
}

/// Those of the stage that is shipped, and the images of all stages.
fn shipped() -> (Vec<(String, String)>, Vec<String>) {
    let all = instructions();
    let images = all.iter().filter(|(name, _)| name == "FROM").map(|(_, image)| image.clone()).collect();
    let last = all.iter().rposition(|(name, _)| name == "FROM").unwrap();
    (all[last..].to_vec(), images)
}

fn only<'a>(stage: &'a [(String, String)], name: &str) -> &'a str {
    let found: Vec<_> = stage.iter().filter(|(found, _)| found == name).collect();
    assert_eq!(found.len(), 1, "{name}");
    &found[0].1
}

#[test]
fn the_image_runs_as_nobody_and_drains_when_it_is_stopped() {
    let (stage, _) = shipped();
    let (user, group) = only(&stage, "USER").split_once(':').unwrap();
    assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0);
    assert_eq!(only(&stage, "STOPSIGNAL"), "SIGTERM");
    // There is no shell in the image, so nothing may be run while it is made.
    assert!(stage.iter().all(|(name, _)| name != "RUN"));
    for name in ["ENTRYPOINT", "CMD"] {
        assert!(only(&stage, name).starts_with('['), "{name} needs a shell");
    }
}

#[test]
fn the_image_is_asked_for_its_health_by_a_verb_that_exists() {
    let (stage, _) = shipped();
    let (_, command) = only(&stage, "HEALTHCHECK").split_once(" CMD ").unwrap();
    let command: Vec<String> = serde_json::from_str(command).unwrap();
    let arguments: Vec<_> = command[1..].iter().map(String::as_str).chain(["--help"]).collect();
    Gateway::folder().run(&arguments).assert(0, &[&format!("Usage: lockgate {}", command[1])]);
}

#[test]
fn the_binary_is_built_for_the_libraries_it_is_shipped_with() {
    let (_, images) = shipped();
    assert!(images[0].contains("bookworm") && images[1].contains("debian12"), "two Debians: {images:?}");
}

#[test]
fn the_build_gets_every_file_it_is_said_to_need() {
    let list = fs::read_to_string(workspace().join("host/packaging/Containerfile.dockerignore")).unwrap();
    let needed: Vec<_> = list.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for path in &needed {
        assert!(workspace().join(path).exists(), "{path} is not there");
    }
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    let members = manifest.lines().find_map(|line| line.strip_prefix("members = ")).unwrap();
    for member in members.split('"').skip(1).step_by(2).map(|member| member.trim_end_matches("/*")) {
        let covered = needed.iter().any(|path| member.starts_with(path) || path.starts_with(member));
        assert!(covered, "the build lacks the workspace member {member}");
    }
}
