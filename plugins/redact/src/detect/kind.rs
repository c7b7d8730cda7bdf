//! What can be detected, by the names that a configuration uses.

use serde::Deserialize;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One kind of personal data or of secrets.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Kind {
            $($(#[$doc])* $variant,)*
        }

        impl Kind {
            /// All of them, in the order of their names here.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in configurations and metrics.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// An e-mail address.
    Email = "email",
    /// A telephone number.
    Phone = "phone",
    /// An international bank account number (ISO 13616).
    Iban = "iban",
    /// The number of a payment card (ISO/IEC 7812).
    PaymentCard = "payment-card",
    /// An address of the Internet Protocol, of version 4 or 6.
    IpAddress = "ip-address",
    /// The hardware address of a network interface.
    MacAddress = "mac-address",
    /// A JSON Web Token, signed or encrypted.
    Jwt = "jwt",
    /// A key of a service that marks its keys with a prefix.
    ApiKey = "api-key",
    /// A private key in PEM.
    PrivateKey = "private-key",
    /// Australia: business number.
    AuAbn = "au-abn",
    /// Australia: company number.
    AuAcn = "au-acn",
    /// Australia: Medicare card.
    AuMedicare = "au-medicare",
    /// Australia: tax file number.
    AuTfn = "au-tfn",
    /// Belgium: national register number.
    BeNrn = "be-nrn",
    /// Brazil: taxpayer number.
    BrCpf = "br-cpf",
    /// Switzerland: social insurance number.
    ChAhv = "ch-ahv",
    /// Germany: identity card and passport.
    DeIdCard = "de-id-card",
    /// Germany: tax identification number.
    DeTaxId = "de-tax-id",
    /// Spain: identity document of citizens.
    EsDni = "es-dni",
    /// Spain: identity number of foreigners.
    EsNie = "es-nie",
    /// Finland: personal identity code.
    FiHetu = "fi-hetu",
    /// France: social security number.
    FrNir = "fr-nir",
    /// India: identity number.
    InAadhaar = "in-aadhaar",
    /// India: registration for the goods and services tax, which holds the taxpayer's number.
    InGstin = "in-gstin",
    /// India: permanent account number of taxpayers.
    InPan = "in-pan",
    /// Italy: tax code of persons.
    ItCodiceFiscale = "it-codice-fiscale",
    /// South Korea: resident registration number.
    KrRrn = "kr-rrn",
    /// Netherlands: citizen service number.
    NlBsn = "nl-bsn",
    /// Norway: birth number.
    NoFodselsnummer = "no-fodselsnummer",
    /// Poland: number of the population register.
    PlPesel = "pl-pesel",
    /// Sweden: personal and coordination number.
    SePersonnummer = "se-personnummer",
    /// Singapore: identity number of citizens and foreigners.
    SgNric = "sg-nric",
    /// Thailand: identity number.
    ThTnin = "th-tnin",
    /// Turkey: identity number.
    TrTckn = "tr-tckn",
    /// United Kingdom: number of the National Health Service.
    UkNhs = "uk-nhs",
    /// United Kingdom: National Insurance number.
    UkNino = "uk-nino",
    /// United States: taxpayer number of who has no social security number.
    UsItin = "us-itin",
    /// United States: social security number.
    UsSsn = "us-ssn",
}

impl Kind {
    /// The number of a person or business in a register of a country.
    pub fn is_national_id(self) -> bool {
        Self::AuAbn <= self
    }

    /// A secret rather than something about a person.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Jwt | Self::ApiKey | Self::PrivateKey)
    }

    /// Found in more than one of fifty random numbers of its length. Belongs to no group: whoever wants it names it.
    pub fn is_weak(self) -> bool {
        matches!(
            self,
            Self::AuAcn
                | Self::AuMedicare
                | Self::AuTfn
                | Self::DeIdCard
                | Self::InAadhaar
                | Self::NlBsn
                | Self::ThTnin
                | Self::UkNhs
        )
    }

    fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// A set of kinds. Written as a list of names of kinds and groups: `["email", "national-id"]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Kinds(u64);

impl Kinds {
    /// Whether a kind is one of them.
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// What a configuration calls by one name.
    fn named(name: &str) -> Option<Self> {
        let kinds = Kind::ALL.iter().copied();
        match name {
            "national-id" => Some(kinds.filter(|kind| kind.is_national_id() && !kind.is_weak()).collect()),
            "secret" => Some(kinds.filter(|kind| kind.is_secret()).collect()),
            _ => kinds.into_iter().find(|kind| kind.name() == name).map(|kind| Self(kind.bit())),
        }
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | kind.bit()))
    }
}

impl TryFrom<Vec<String>> for Kinds {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, Self::Error> {
        names.iter().try_fold(Self::default(), |Self(bits), name| match Self::named(name) {
            Some(Self(more)) => Ok(Self(bits | more)),
            None => Err(format!("there is no detector `{name}`: {}", known(name))),
        })
    }
}

/// Which there are, for who wrote another name: of those of countries the ones of the country it begins like, since all
/// together are too long for a message.
fn known(name: &str) -> String {
    let country = name.split('-').next().unwrap_or_default();
    let is_near = |kind: &Kind| !kind.is_national_id() || kind.name().split('-').next() == Some(country);
    let kinds = Kind::ALL.iter().filter(|kind| is_near(kind)).map(|kind| kind.name());
    let names: Vec<_> = kinds.chain(["national-id", "secret"]).map(|name| format!("`{name}`")).collect();
    format!("there are {}, and those of countries, such as `de-tax-id`, which the README lists", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{Kind, Kinds};

    fn kinds(json: &str) -> Result<Kinds, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_names_kinds_and_groups() {
        let kinds = kinds(r#"["email", "national-id"]"#).unwrap();
        assert!(kinds.contains(Kind::Email) && kinds.contains(Kind::UsSsn) && kinds.contains(Kind::DeTaxId));
        assert!(!kinds.contains(Kind::Phone) && !kinds.contains(Kind::Jwt));
    }

    #[test]
    fn the_group_leaves_out_what_random_numbers_are_taken_for() {
        let group = kinds(r#"["national-id"]"#).unwrap();
        assert!(!group.contains(Kind::NlBsn) && !group.contains(Kind::UkNhs));
        assert!(kinds(r#"["nl-bsn"]"#).unwrap().contains(Kind::NlBsn), "named, it is there");
    }

    #[test]
    fn every_kind_can_be_named_and_a_wrong_name_is_told_which_there_are() {
        for kind in Kind::ALL {
            assert!(kinds(&format!(r#"["{}"]"#, kind.name())).unwrap().contains(*kind), "{kind:?}");
        }
        let fault = kinds(r#"["e-mail"]"#).unwrap_err();
        assert!(fault.contains("`e-mail`") && fault.contains("`email`") && fault.contains("`national-id`"), "{fault}");
    }
}
