//! Tests of reading a policies folder.

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn paths(dir: &TempDir) -> Vec<String> {
    let tree = Tree::read(dir.path()).unwrap();
    tree.files().map(|(path, _)| path.display().to_string()).collect()
}

/// Of all or of entries that are left out.
fn faults(dir: &Path) -> Vec<ConfigFault> {
    Tree::read(dir).map_or_else(|faults| faults, |tree| tree.faults().to_vec())
}

fn reason(dir: &TempDir) -> String {
    let faults = faults(dir.path());
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].to_string()
}

#[test]
fn hidden_entries_and_editor_leftovers_are_ignored() {
    let dir = folder(&[
        ("gateway.toml", "a"),
        ("pets/api.toml", "b"),
        (".git/config", ""),
        (".hidden", ""),
        ("gateway.toml~", ""),
        ("#gateway.toml#", ""),
        ("gateway.toml.swp", ""),
        ("x.tmp", ""),
        ("4913", ""),
        ("pets/.api.toml.swx", ""),
    ]);
    assert_eq!(paths(&dir), ["gateway.toml", "pets/api.toml"]);
}

#[test]
fn links_of_a_mounted_config_map_are_followed() {
    let dir = folder(&[("..2024_01/gateway.toml", "a"), ("..2024_01/pets/api.toml", "b")]);
    symlink("..2024_01", dir.path().join("..data")).unwrap();
    symlink("..data/gateway.toml", dir.path().join("gateway.toml")).unwrap();
    symlink("..data/pets", dir.path().join("pets")).unwrap();
    assert_eq!(paths(&dir), ["gateway.toml", "pets/api.toml"]);
}

#[test]
fn a_link_out_of_the_folder_is_a_fault() {
    let outside = folder(&[("secret.toml", "x")]);
    for target in [outside.path().join("secret.toml"), outside.path().to_owned()] {
        let dir = folder(&[("gateway.toml", "a")]);
        symlink(target, dir.path().join("link")).unwrap();
        assert!(reason(&dir).contains("leads out"));
    }
}

#[test]
fn a_link_to_a_folder_with_a_longer_but_like_name_leads_out() {
    let outer = folder(&[("policies/gateway.toml", "a"), ("policies-old/x", "b")]);
    symlink("../policies-old/x", outer.path().join("policies/x")).unwrap();
    let faults = faults(&outer.path().join("policies"));
    assert!(faults[0].reason.contains("leads out"));
}

#[test]
fn a_link_in_a_circle_is_a_fault() {
    let dir = folder(&[("pets/api.toml", "a")]);
    symlink("..", dir.path().join("pets/up")).unwrap();
    assert!(reason(&dir).contains("leads back"));
}

#[test]
fn a_dangling_link_and_a_missing_folder_are_faults() {
    let dir = folder(&[("gateway.toml", "a")]);
    symlink("nowhere", dir.path().join("link")).unwrap();
    assert!(reason(&dir).starts_with("link: cannot be read"));
    assert!(Tree::read(&dir.path().join("absent")).unwrap_err()[0].reason.contains("cannot be read"));
}

#[test]
fn what_is_too_large_too_deep_or_no_file_is_a_fault() {
    let large = folder(&[("gateway.toml", &"#".repeat((1 << 20) + 1))]);
    assert!(reason(&large).contains("larger than 1MiB"));
    let deep = folder(&[("1/2/3/4/5/6/7/8/x", "")]);
    assert!(reason(&deep).contains("deeper than 8"));
    let odd = folder(&[]);
    let _socket = std::os::unix::net::UnixListener::bind(odd.path().join("socket")).unwrap();
    assert!(reason(&odd).contains("neither a file nor a folder"));
}

#[test]
fn too_many_entries_of_any_kind_are_one_fault() {
    let makes: [fn(&Path); 3] = [
        |path| fs::write(path, "").unwrap(),
        |path| fs::create_dir(path).unwrap(),
        |path| symlink("nowhere", path.with_extension("tmp")).unwrap(),
    ];
    for make in makes {
        let dir = folder(&[]);
        for number in 0..=MOST_ENTRIES {
            make(&dir.path().join(number.to_string()));
        }
        assert!(reason(&dir).contains("more than 4096 files, folders and links"));
    }
}

#[test]
fn links_that_multiply_folders_end_at_the_bound() {
    let dir = folder(&[("0/x", ""), ("0/y", "")]);
    for number in 1..DEEPEST {
        let level = dir.path().join(number.to_string());
        fs::create_dir(&level).unwrap();
        for link in 0..8 {
            symlink(format!("../{}", number - 1), level.join(format!("l{link}"))).unwrap();
        }
    }
    let faults = faults(dir.path());
    assert!(faults.len() <= MOST_ENTRIES && faults.iter().any(|fault| fault.reason.contains("more than 4096")));
}

#[test]
fn what_is_read_is_what_was_looked_at() {
    let dir = folder(&[("key.json", "public"), ("other", "secret")]);
    let path = dir.path().join("key.json");
    let entry = Entry::find(&path).unwrap();
    fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    assert_eq!(read_at_most(&entry.again(), 100).unwrap().as_deref(), Some(&b"public"[..]));
}

#[test]
fn a_pipe_is_a_fault_and_nobody_waits_for_it() {
    let dir = folder(&[]);
    rustix::fs::mknodat(rustix::fs::CWD, dir.path().join("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert!(reason(&dir).contains("neither a file nor a folder"));
}

#[test]
fn names_of_files_stay_in_the_tree() {
    let tree = Tree::from_files([("idp.json", "{}"), ("pets/key.pem", "x")]);
    let found =
        |folder: &str, text: &str| tree.file(Path::new(folder), text).map(|file| file.path.display().to_string());
    assert_eq!(found("", "./idp.json").as_deref(), Some("idp.json"));
    assert_eq!(found("pets", "../idp.json").as_deref(), Some("idp.json"));
    assert_eq!(found("pets", "key.pem").as_deref(), Some("pets/key.pem"));
    for text in ["../idp.json", "/idp.json", "/etc/passwd", "", "pets", "pets/../../idp.json"] {
        assert_eq!(found("", text), None, "{text}");
    }
}

#[test]
fn a_folder_that_another_takes_the_place_of_is_read_as_one_of_them() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let names: Vec<_> = (0..40).map(|number| format!("{number}.toml")).collect();
    let all = |text| names.iter().map(|name| (name.as_str(), text)).collect::<Vec<_>>();
    let (one, two) = (folder(&all("one")), folder(&all("two")));
    let (go, gone) = std::sync::mpsc::channel();
    let paths = [&one, &two].map(|dir| dir.path().to_owned());
    let exchange = std::thread::spawn(move || {
        while gone.recv().is_ok() {
            renameat_with(CWD, &paths[0], CWD, &paths[1], RenameFlags::EXCHANGE).unwrap();
        }
    });
    for _ in 0..300 {
        go.send(()).unwrap();
        let tree = Tree::read(one.path()).unwrap();
        let texts: BTreeSet<_> = tree.files().map(|(_, content)| content.to_vec()).collect();
        assert_eq!((tree.files().count(), texts.len()), (40, 1), "{texts:?}");
    }
    drop(go);
    exchange.join().unwrap();
}
