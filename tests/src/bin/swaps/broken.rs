//! Changes that cannot serve, one kind after the other.

use lockgate_tests::{Dice, Folder, guests};

use crate::stage::Stage;
use crate::state::{Parts, State, visitor};

const API: &str = "soak/api.toml";

/// A file of the folder, and what it says; none where it is gone.
pub(crate) struct Broken {
    path: String,
    bytes: Option<Vec<u8>>,
}

/// Break something of a state.
pub(crate) fn draw(dice: &mut Dice, state: &State, parts: &Parts) -> (&'static str, Broken) {
    let api = state.api(parts.upstream);
    let text = |path: &str, text: String| Broken { path: path.to_owned(), bytes: Some(text.into_bytes()) };
    let component = |name: &str, bytes: Vec<u8>| Broken { path: format!("components/{name}.wasm"), bytes: Some(bytes) };
    match dice.throw(10) {
        0 => ("BROKEN: no TOML", text(API, "name = ".to_owned())),
        1 => ("BROKEN: an unknown key", text(API, api.replace("respond = ", "responds = "))),
        2 => ("BROKEN: half of a component", {
            let whole = guests::component("tell");
            component("first", whole[..whole.len() / 2].to_vec())
        }),
        3 => ("BROKEN: a configuration that is refused", text(API, api.replace("name = \"last\"", "name = 7"))),
        4 => {
            let twice = format!("{api}[[route]]\nname = \"twice\"\nmatch = {{ path = \"/answer\" }}\nrespond = {{}}\n");
            ("BROKEN: routes that tie", text(API, twice))
        }
        5 => ("BROKEN: half of a certificate", {
            let whole = parts.certificates.of(state.certificate).certificate;
            text(&format!("site-{}.pem", state.certificate), whole[..whole.len() / 2].to_owned())
        }),
        6 => ("BROKEN: a component that traps", component("last", guests::component("trap-configure"))),
        7 => ("BROKEN: a file that is gone", Broken { path: "soak/answer.txt".to_owned(), bytes: None }),
        8 => {
            ("BROKEN: routes of two APIs that tie", text("visitor/api.toml", visitor(0).replace("/visitor", "/answer")))
        }
        _ => ("BROKEN: an API that is new", text("intruder/api.toml", "name = \"intruder\"\n".to_owned())),
    }
}

impl Broken {
    pub(crate) fn write(&self, folder: &Folder) {
        match &self.bytes {
            Some(bytes) => folder.replace(&self.path, bytes),
            None => folder.remove(&self.path),
        }
    }

    /// As it is in a state.
    pub(crate) fn take_back(&self, stage: &Stage, state: &State) {
        match state.files(&stage.parts).get(&self.path) {
            Some(bytes) => stage.gateway.replace(&self.path, bytes),
            None => stage.gateway.remove(self.path.strip_suffix("/api.toml").unwrap_or(&self.path)),
        }
    }
}
