//! In which format whoever asks would like the metrics best.

use http::HeaderMap;
use http::header::ACCEPT;

/// What the metrics can be told in, that for people first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Plain,
    OpenMetrics,
    Protobuf,
}

impl Format {
    /// The known format of the greatest weight (RFC 9110 section 12.5.1), the first of several; plain text where none
    /// is named.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        let fields = headers.get_all(ACCEPT).iter().filter_map(|field| field.to_str().ok());
        let named =
            fields.flat_map(|field| field.split(',')).filter_map(|range| Some((Self::named(range)?, weight(range))));
        let mut best = (Self::Plain, 0.0);
        for (format, weight) in named {
            if weight > best.1 {
                best = (format, weight);
            }
        }
        best.0
    }

    fn named(range: &str) -> Option<Self> {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next()?;
        let says = |parameter: &str| range.split(';').any(|part| part.trim().eq_ignore_ascii_case(parameter));
        if kind.eq_ignore_ascii_case("application/vnd.google.protobuf") {
            let is_ours = says("proto=io.prometheus.client.MetricFamily") && says("encoding=delimited");
            return is_ours.then_some(Self::Protobuf);
        }
        if kind.eq_ignore_ascii_case("application/openmetrics-text") {
            return Some(Self::OpenMetrics);
        }
        ["text/plain", "text/*", "*/*"].iter().any(|plain| kind.eq_ignore_ascii_case(plain)).then_some(Self::Plain)
    }
}

/// Of a media range; 1 where it says none, none at all where it is not a number.
fn weight(range: &str) -> f32 {
    let weight = range.split(';').filter_map(|part| part.trim().split_once('=')).find(|(name, _)| name.trim() == "q");
    weight.map_or(1.0, |(_, weight)| weight.trim().parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_format_of_the_greatest_weight_is_wanted() {
        let protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        for (accept, format) in [
            ("", Format::Plain),
            ("*/*", Format::Plain),
            ("text/html, application/json", Format::Plain),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            (
                &format!("{protobuf},application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5"),
                Format::Protobuf,
            ),
            (&format!("{protobuf};q=0.3,text/plain;version=0.0.4;q=0.5"), Format::Plain),
            (&format!("{protobuf};q=0"), Format::Plain),
            (&format!("{protobuf};q=zero"), Format::Plain),
            ("application/vnd.google.protobuf", Format::Plain),
            ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", Format::Plain),
            ("Application/OpenMetrics-Text", Format::OpenMetrics),
        ] {
            let headers: HeaderMap = [(ACCEPT, accept.parse().unwrap())].into_iter().collect();
            assert_eq!(Format::wanted(&headers), format, "{accept}");
        }
    }
}
