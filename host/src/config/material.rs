//! Owns the naming of material: files of the policies folder for what is public, secrets for everything.

use std::path::Path;

use super::fault::{At, Faults};
use super::kinds::Kind;
use super::reader::Node;
use super::tree::{Tree, TreeFile};

/// What keys and certificates are made from, or where to get it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Material {
    /// A public file of the policies folder.
    File(TreeFile),
    /// The `[secret.NAME]` of this name, which is declared.
    Secret(String),
}

/// `"secret:NAME"` or a file of the policies folder. Faults never show the text: it may be the key itself, put in the
/// wrong place.
pub(super) struct MaterialText;

/// Names material.
#[derive(Debug)]
pub(super) enum MaterialRef {
    Secret(String),
    File(String),
}

impl Kind for MaterialText {
    type Out = At<MaterialRef>;

    fn describe() -> String {
        "\"secret:NAME\" or, for what is public, a file of the policies folder".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<At<MaterialRef>> {
        let Some(text) = node.as_str() else {
            node.mistaken(&Self::describe(), faults);
            return None;
        };
        let value = match text.strip_prefix("secret:") {
            Some(name) => MaterialRef::Secret(name.to_owned()),
            None => MaterialRef::File(text.to_owned()),
        };
        Some(At { value, place: node.place.clone() })
    }
}

/// `"secret:NAME"` and nothing else, for keys that are never public. Faults do not show the text either.
pub(super) struct SecretName;

impl Kind for SecretName {
    type Out = At<String>;

    fn describe() -> String {
        "\"secret:NAME\"".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<At<String>> {
        let place = node.place.clone();
        match MaterialText::read(node, faults)?.value {
            MaterialRef::Secret(value) => Some(At { value, place }),
            MaterialRef::File(_) => {
                faults.push(place.fault("names no secret", format!("write {}", Self::describe())));
                None
            }
        }
    }
}

/// The material, if there is such a file or secret.
pub(super) fn find_material(
    At { value, place }: At<MaterialRef>,
    tree: &Tree,
    is_secret: impl Fn(&str) -> bool,
    faults: &mut Faults,
) -> Option<Material> {
    let text = match value {
        MaterialRef::Secret(value) => {
            return declared(At { value, place }, is_secret, faults).map(Material::Secret);
        }
        MaterialRef::File(text) => text,
    };
    let folder = place.file.parent().unwrap_or(Path::new(""));
    let file = tree.file(folder, &text);
    if file.is_none() {
        let advice = format!("write {}", MaterialText::describe());
        faults.push(place.fault("names no file of the policies folder", advice));
    }
    file.map(Material::File)
}

/// The name, if a secret of that name is declared.
pub(super) fn declared(
    At { value, place }: At<String>,
    is_secret: impl Fn(&str) -> bool,
    faults: &mut Faults,
) -> Option<String> {
    if is_secret(&value) {
        return Some(value);
    }
    faults.push(place.fault("names a secret that is not declared", "declare it as [secret.NAME]"));
    None
}
