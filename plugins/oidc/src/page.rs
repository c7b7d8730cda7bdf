//! Pages this policy shows itself: small, without scripts, images or anything of another address.

use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_sdk::Response;
use lockgate_sdk::crypto::{self, HashAlgorithm};

const STYLE: &str = ":root{color-scheme:light dark}\
    body{font:1.125rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1.5rem}\
    h1{font-size:1.75rem;line-height:1.2}button{font:inherit;padding:.5rem 1.25rem}";

/// A page by its title, which is its heading too, and its text.
pub(crate) struct Page {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
}

impl Page {
    /// With a way to go on.
    pub(crate) fn with_link(&self, status: u16, href: &str, label: &str) -> Response {
        self.show(status, &format!("<p><a href=\"{}\">{label}</a></p>", escaped(href)))
    }

    /// With a button that posts to the address of the page.
    pub(crate) fn with_button(&self, status: u16, label: &str) -> Response {
        self.show(status, &format!("<form method=\"post\"><button>{label}</button></form>"))
    }

    fn show(&self, status: u16, onward: &str) -> Response {
        let Self { title, text } = self;
        let body = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <title>{title}</title><style>{STYLE}</style></head>\
             <body><main><h1>{title}</h1><p>{text}</p>{onward}</main></body></html>\n"
        );
        let style = STANDARD.encode(crypto::hash(HashAlgorithm::Sha256, STYLE.as_bytes()));
        // Nothing of `form-action`: browsers hold redirects after a form against it too, and signing out goes on to the
        // provider.
        let policy = format!("default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; frame-ancestors 'none'");
        Response::new(status)
            .field("content-type", "text/html; charset=utf-8")
            .field("content-security-policy", policy)
            .field("x-content-type-options", "nosniff")
            .body(body)
    }
}

/// Text between the quotes of an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stays_between_its_quotes() {
        let page = Page { title: "T", text: "t" }.with_link(400, "/a?b=c&d='\"><script>", "Go");
        assert!(
            page.text().contains(r#"<a href="/a?b=c&amp;d=&#39;&quot;&gt;&lt;script&gt;">Go</a>"#),
            "{}",
            page.text()
        );
    }

    #[test]
    fn the_style_is_the_one_its_policy_names() {
        let page = Page { title: "T", text: "t" }.with_button(200, "Go");
        let style = page.text().split("<style>").nth(1).unwrap().split("</style>").next().unwrap().to_owned();
        let digest = STANDARD.encode(crypto::hash(HashAlgorithm::Sha256, style.as_bytes()));
        assert!(page.values("content-security-policy")[0].contains(&digest));
    }
}
