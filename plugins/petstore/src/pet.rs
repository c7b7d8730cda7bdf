//! A pet: what clients may say about it and how it is written.

use crate::answer::Stop;
use crate::input::Members;
use crate::resource::is_species;
use lockgate_sdk::Failure;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const MOST_TAGS: usize = 10;

/// A pet as it is stored and shown.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pet {
    pub(crate) id: u64,
    #[serde(flatten)]
    draft: PetDraft,
}

/// What a client says about a pet.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PetDraft {
    name: String,
    species: String,
    tags: Vec<String>,
}

impl Pet {
    /// A pet with an id nobody else has.
    pub(crate) fn new(id: u64, draft: PetDraft) -> Self {
        Self { id, draft }
    }

    /// Read what [`to_bytes`](Self::to_bytes) wrote.
    pub(crate) fn from_bytes(stored: &[u8]) -> Result<Self, Stop> {
        serde_json::from_slice(stored).map_err(|_| Failure::Internal.into())
    }

    /// The one representation, stored and shown.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Stop> {
        serde_json::to_vec(self).map_err(|_| Failure::Internal.into())
    }

    /// Whether it is of this species.
    pub(crate) fn is_a(&self, species: &str) -> bool {
        self.draft.species == species
    }
}

impl PetDraft {
    /// A draft made here.
    pub(crate) fn new(name: &str, species: &str, tag: &str) -> Self {
        Self { name: name.to_owned(), species: species.to_owned(), tags: vec![tag.to_owned()] }
    }

    /// Read a new pet; `members` keeps what is wrong with it.
    pub(crate) fn read(members: &mut Members) -> Option<Self> {
        let name =
            members.require("name", "must be 1 to 100 characters without control characters", |value| text(value, 100));
        let species = members.require("species", "must be a word of small letters and `-`, at most 40", |value| {
            text(value, 40).filter(|text| is_species(text))
        });
        let tags = tags(members);
        Some(Self { name: name?, species: species?, tags: tags? })
    }

    /// Read a pet that is there already; clients may send its id back.
    pub(crate) fn read_again(members: &mut Members, id: u64) -> Option<Self> {
        if let Some(value) = members.take("id")
            && value != id
        {
            members.complain("#/id", "must be the id in the path or absent");
        }
        Self::read(members)
    }
}

fn tags(members: &mut Members) -> Option<Vec<String>> {
    let values = match members.take("tags") {
        None => return Some(Vec::new()),
        Some(Value::Array(values)) if values.len() <= MOST_TAGS => values,
        Some(_) => {
            members.complain("#/tags", "must be an array of at most 10 strings");
            return None;
        }
    };
    let mut tags = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        match text(value, 40) {
            Some(tag) => tags.push(tag),
            None => {
                members.complain(format!("#/tags/{index}"), "must be 1 to 40 characters without control characters")
            }
        }
    }
    Some(tags)
}

/// A string of at least 1 and at most `most` characters, none of them a control character.
fn text(value: &Value, most: usize) -> Option<String> {
    let text = value.as_str()?;
    let fits = (1..=most).contains(&text.chars().count());
    (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
}
