//! Notices what is saved: builds the project again, or reads the component, and puts it before the gateway, which does the rest.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::PoisonError;
use std::thread;

use sha2::{Digest, Sha256};
use tokio::runtime::{LocalOptions, LocalRuntime};
use tokio::sync::Notify;

use super::super::super::out;
use super::super::subject::{Given, Subject};
use super::{Args, Kept, setup};
use crate::reload::{Changes, settle};

/// Where nothing lies that a component is built from.
const BUILT: &str = "target";
/// Files of a project that are looked at; of one with more, changes beyond are not noticed.
const MOST_FILES: usize = 20_000;

/// What tells one state of the files from another.
pub(super) type Seen = [u8; 32];

/// Follow the files from how they were `seen` last, on a thread that ends with the process.
pub(super) fn follow(subject: Subject, args: Args, seen: Seen, kept: Kept) -> anyhow::Result<()> {
    let life = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        match runtime {
            Ok(runtime) => live(&runtime, &subject, &args, seen, &kept),
            Err(error) => tracing::error!(%error, "what is saved is not noticed"),
        }
    };
    thread::Builder::new().name("follow".into()).spawn(life)?;
    Ok(())
}

/// What is done about a change has runtimes of its own, so it is not done within this one.
fn live(runtime: &LocalRuntime, subject: &Subject, args: &Args, mut last: Seen, kept: &Kept) {
    let hint = Rc::new(Notify::new());
    runtime.block_on(async {
        for mut changes in watched(subject, &args.given) {
            let hint = hint.clone();
            tokio::task::spawn_local(async move {
                loop {
                    changes.next().await;
                    hint.notify_one();
                }
            });
        }
    });
    // What was saved since it was looked at.
    hint.notify_one();
    loop {
        runtime.block_on(async {
            hint.notified().await;
            settle(async || hint.notified().await).await;
        });
        let now = seen(subject, &args.given);
        if now == last {
            continue;
        }
        last = now;
        if !look(subject, args, kept) {
            return;
        }
    }
}

/// Make of the files what they are now. False once nobody needs it any more.
fn look(subject: &Subject, args: &Args, kept: &Kept) -> bool {
    // The stage is not held meanwhile: a build takes its time, and Ctrl-C should not have to wait for it.
    let made = setup(subject, args);
    let stage = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(stage) = stage.as_ref() else { return false };
    if let Err(error) = made.and_then(|setup| stage.set(&setup)) {
        out::error(&format!("{error:#}; the last good one keeps serving"));
    }
    true
}

/// Where files are saved that matter.
fn watched(subject: &Subject, given: &Given) -> Vec<Changes> {
    let mut tops: Vec<PathBuf> = given.config.iter().chain(&given.grants).map(|file| folder(file)).collect();
    let mut whole = Vec::new();
    match subject {
        Subject::Component(text) => tops.push(folder(Path::new(text))),
        Subject::Project(project) => {
            tops.push(project.folder().to_owned());
            let inside = fs::read_dir(project.folder()).into_iter().flatten().flatten().map(|entry| entry.path());
            whole.extend(inside.filter(|path| path.is_dir() && !is_left_out(path)));
        }
    }
    tops.sort();
    tops.dedup();
    tops.iter().map(|top| Changes::of_top(top)).chain(whole.iter().map(|folder| Changes::of(folder))).collect()
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The state of all files that matter.
pub(super) fn seen(subject: &Subject, given: &Given) -> Seen {
    let mut files: Vec<PathBuf> = given.config.iter().chain(&given.grants).cloned().collect();
    match subject {
        Subject::Component(text) => files.push(text.into()),
        Subject::Project(project) => sources(project.folder(), &mut files),
    }
    files.sort();
    let mut hasher = Sha256::new();
    for file in &files {
        hasher.update(file.as_os_str().as_encoded_bytes());
        // What cannot be read is told of by whoever needs it.
        hasher.update(Sha256::digest(fs::read(file).unwrap_or_default()));
    }
    hasher.finalize().into()
}

/// The files of a project that it may be built from.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if files.len() >= MOST_FILES {
            return;
        }
        match path.symlink_metadata().map(|meta| meta.file_type()) {
            Ok(kind) if kind.is_dir() && !is_left_out(&path) => sources(&path, files),
            Ok(kind) if !kind.is_dir() && path.extension().is_none_or(|extension| extension != "wasm") => {
                files.push(path)
            }
            _ => {}
        }
    }
}

fn is_left_out(folder: &Path) -> bool {
    folder
        .file_name()
        .is_some_and(|name| name == BUILT || name == "__pycache__" || name.as_encoded_bytes().starts_with(b"."))
}
