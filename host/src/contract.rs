//! Owns the reference of the contract, rendered from its WIT files.

use std::fmt::Write as _;

use anyhow::Context;
use wit_parser::{
    Docs, Function, Interface, Resolve, Result_, SourceMap, Tuple, Type, TypeDef, TypeDefKind, WorldItem,
};

use crate::project;

/// The world that names all there is.
const WORLD: &str = "policy";

/// The reference in Markdown.
pub(crate) fn reference() -> anyhow::Result<String> {
    let mut files = SourceMap::new();
    project::contract().for_each(|(path, text)| files.push_str(path, text));
    let package = files.parse().map_err(|(files, error)| anyhow::anyhow!(error.render(&files)))?;
    let mut contract = Resolve::default();
    let package = contract.push_group(package)?;
    let reference = Reference::of(&contract, package).context("the contract is not as this reference expects it")?;
    Ok(reference.render())
}

/// One interface, and which way it is crossed.
struct Entry<'a> {
    name: &'a str,
    interface: &'a Interface,
    way: Way,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Shapes,
    Import,
    Export,
}

impl Way {
    fn words(self) -> &'static str {
        match self {
            Self::Shapes => "shapes, no power",
            Self::Import => "imported by policies",
            Self::Export => "exported by policies",
        }
    }
}

struct Reference<'a> {
    contract: &'a Resolve,
    package: String,
    docs: &'a Docs,
    entries: Vec<Entry<'a>>,
}

impl<'a> Reference<'a> {
    fn of(contract: &'a Resolve, package: wit_parser::PackageId) -> Option<Self> {
        let package = contract.packages.get(package)?;
        let world = contract.worlds.get(*package.worlds.get(WORLD)?)?;
        let entry = |item: &WorldItem, way: Way| {
            let WorldItem::Interface { id, .. } = item else { return None };
            let interface = contract.interfaces.get(*id)?;
            let name = interface.name.as_deref()?;
            Some(Entry { name, interface, way: if interface.functions.is_empty() { Way::Shapes } else { way } })
        };
        let imports = world.imports.values().map(|item| entry(item, Way::Import));
        let exports = world.exports.values().map(|item| entry(item, Way::Export));
        let mut entries = imports.chain(exports).collect::<Option<Vec<_>>>()?;
        // What others are made of comes first.
        entries.sort_by_key(|entry| entry.way != Way::Shapes);
        Some(Self { contract, package: package.name.to_string(), docs: &package.docs, entries })
    }

    fn render(&self) -> String {
        let mut out = format!(
            "# The contract, item by item\n\n`{}`. This file is generated from the WIT files beside it \
             (`lockgate reference --contract`); do not edit it. What no single item says is in [`README.md`](README.md).\n\n{}\n\n\
             | interface | is | grant | functions |\n|---|---|---|---|\n",
            self.package,
            text(self.docs)
        );
        for Entry { name, interface, way } in &self.entries {
            let functions: Vec<_> = interface.functions.keys().map(|name| format!("`{name}`")).collect();
            let grant = grant(&interface.docs).unwrap_or_default();
            // Writing to a `String` cannot fail.
            let _ = writeln!(out, "| [`{name}`](#{name}) | {} | {grant} | {} |", way.words(), functions.join(", "));
        }
        self.entries.iter().for_each(|entry| self.interface(entry, &mut out));
        out
    }

    fn interface(&self, Entry { name, interface, way }: &Entry<'_>, out: &mut String) {
        let _ = write!(out, "\n## `{name}`\n\n`{}/{name}`, {}.\n", self.unversioned(), way.words());
        push(out, &text(&interface.docs));
        for (name, id) in &interface.types {
            if let Some(definition) = self.contract.types.get(*id) {
                self.definition(name, definition, out);
            }
        }
        for (name, function) in &interface.functions {
            let _ = write!(out, "\n### `{name}`\n\n```wit\n{}\n```\n", self.signature(function));
            push(out, &text(&function.docs));
        }
    }

    /// A type an interface defines; those it takes from another are described there.
    fn definition(&self, name: &str, definition: &TypeDef, out: &mut String) {
        let kind = match &definition.kind {
            TypeDefKind::Type(Type::Id(_)) => return,
            TypeDefKind::Record(_) | TypeDefKind::Variant(_) | TypeDefKind::Enum(_) | TypeDefKind::Flags(_) => {
                definition.kind.as_str().to_owned()
            }
            kind => format!("`{}`", self.kind(kind)),
        };
        let _ = write!(out, "\n### `{name}`: {kind}\n");
        push(out, &text(&definition.docs));
        let typed = |name: &str, ty: &Type| format!("{name}: {}", self.name(ty));
        let parts: Vec<(String, &Docs)> = match &definition.kind {
            TypeDefKind::Record(record) => {
                record.fields.iter().map(|field| (typed(&field.name, &field.ty), &field.docs)).collect()
            }
            TypeDefKind::Variant(variant) => {
                let named = |case: &wit_parser::Case| match &case.ty {
                    Some(ty) => format!("{}({})", case.name, self.name(ty)),
                    None => case.name.clone(),
                };
                variant.cases.iter().map(|case| (named(case), &case.docs)).collect()
            }
            TypeDefKind::Enum(cases) => cases.cases.iter().map(|case| (case.name.clone(), &case.docs)).collect(),
            TypeDefKind::Flags(flags) => flags.flags.iter().map(|flag| (flag.name.clone(), &flag.docs)).collect(),
            _ => return,
        };
        list(&parts, out);
    }

    fn signature(&self, function: &Function) -> String {
        let params: Vec<_> =
            function.params.iter().map(|param| format!("{}: {}", param.name, self.name(&param.ty))).collect();
        let result = function.result.as_ref().map(|ty| format!(" -> {}", self.name(ty))).unwrap_or_default();
        format!("{}: func({}){result};", function.name, params.join(", "))
    }

    fn name(&self, ty: &Type) -> String {
        match ty {
            Type::Bool => "bool".into(),
            Type::U8 => "u8".into(),
            Type::U16 => "u16".into(),
            Type::U32 => "u32".into(),
            Type::U64 => "u64".into(),
            Type::S8 => "s8".into(),
            Type::S16 => "s16".into(),
            Type::S32 => "s32".into(),
            Type::S64 => "s64".into(),
            Type::F32 => "f32".into(),
            Type::F64 => "f64".into(),
            Type::Char => "char".into(),
            Type::String => "string".into(),
            Type::ErrorContext => "error-context".into(),
            Type::Id(id) => match self.contract.types.get(*id) {
                Some(TypeDef { name: Some(name), .. }) => name.clone(),
                Some(TypeDef { kind, .. }) => self.kind(kind),
                None => String::new(),
            },
        }
    }

    /// A type without a name of its own.
    fn kind(&self, kind: &TypeDefKind) -> String {
        let or_none = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), |ty| self.name(ty));
        match kind {
            TypeDefKind::List(ty) => format!("list<{}>", self.name(ty)),
            TypeDefKind::Option(ty) => format!("option<{}>", self.name(ty)),
            TypeDefKind::Result(Result_ { ok, err: None }) => format!("result<{}>", or_none(ok)),
            TypeDefKind::Result(Result_ { ok, err }) => format!("result<{}, {}>", or_none(ok), or_none(err)),
            TypeDefKind::Tuple(Tuple { types }) => {
                format!("tuple<{}>", types.iter().map(|ty| self.name(ty)).collect::<Vec<_>>().join(", "))
            }
            TypeDefKind::Type(ty) => self.name(ty),
            other => other.as_str().to_owned(),
        }
    }

    fn unversioned(&self) -> &str {
        self.package.split('@').next().unwrap_or_default()
    }
}

/// What the operator has to grant, as the comment of an interface says it.
fn grant(docs: &Docs) -> Option<String> {
    let text = docs.contents.as_deref()?;
    let needs = text.split("Needs ").nth(1)?.split('.').next()?;
    Some(needs.strip_prefix("the grant ").unwrap_or(needs).split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Fields or cases: in one line where nothing is said about any.
fn list(parts: &[(String, &Docs)], out: &mut String) {
    out.push('\n');
    if parts.iter().all(|(_, docs)| docs.is_empty()) {
        let names: Vec<_> = parts.iter().map(|(name, _)| format!("`{name}`")).collect();
        let _ = writeln!(out, "{}.", names.join(", "));
        return;
    }
    for (name, docs) in parts {
        let _ = writeln!(out, "- `{name}`");
        let docs = text(docs);
        if !docs.is_empty() {
            let _ = writeln!(out, "\n  {}\n", docs.replace('\n', "\n  ").replace("\n  \n", "\n\n"));
        }
    }
    // The empty line after the last one is that of whatever follows.
    out.truncate(out.trim_end().len());
    out.push('\n');
}

fn push(out: &mut String, text: &str) {
    if !text.is_empty() {
        let _ = write!(out, "\n{text}\n");
    }
}

fn text(docs: &Docs) -> String {
    docs.contents.as_deref().unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_of_the_contract_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/REFERENCE.md");
        let reference = reference().unwrap();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &reference).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == reference,
            "wit/REFERENCE.md is stale; `UPDATE=1 cargo quick-test --workspace --lib up_to_date` makes it anew"
        );
    }

    #[test]
    fn every_import_says_what_it_needs_and_every_item_is_there() {
        let reference = reference().unwrap();
        for (path, wit) in project::contract().filter(|(path, _)| !path.ends_with("worlds.wit")) {
            let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            for line in wit.lines().map(words) {
                let [kind, name, ..] = line.as_slice() else { continue };
                let heading = match (kind.as_str(), name.trim_end_matches([';', '='])) {
                    ("interface", name) => format!("\n## `{name}`\n"),
                    ("record" | "variant" | "enum", name) => format!("\n### `{name}`: {kind}\n"),
                    ("type", name) => format!("\n### `{name}`: "),
                    (name, rest) if rest.starts_with("func(") => format!("\n### `{}`\n", name.trim_end_matches(':')),
                    _ => continue,
                };
                assert!(reference.contains(&heading), "{path} has {heading:?}, and the reference has not");
            }
        }
        let rows: Vec<_> = reference.lines().filter(|line| line.contains("| imported by policies |")).collect();
        assert_eq!(rows.len(), 9, "{rows:?}");
        for row in rows {
            assert!(!row.contains("policies |  |"), "what does it need? {row}");
        }
    }
}
