//! What can become of a request, in one word: the `class` of the access log, of metrics and of reports.

/// All there are. What each means and who is to blame for it is in `OPERATING.md`.
pub(crate) const CLASSES: [&str; 61] = [
    "ok",
    "no_route",
    "method_not_allowed",
    "bad_host",
    "bad_path",
    "bad_field",
    "bad_connection",
    "connect",
    "misdirected",
    "target_too_long",
    "too_many_fields",
    "rewritten_too_long",
    "body_too_long",
    "body_broken",
    "body_type",
    "body_coding",
    "body_expanded",
    "timeout_body",
    "timeout_total",
    "client_gone",
    "client_slow",
    "policy_answer",
    "policy_bad_input",
    "policy_dependency",
    "policy_internal",
    "policy_cut",
    "plugin_trap",
    "plugin_cpu",
    "plugin_wall",
    "plugin_memory",
    "plugin_host_calls",
    "plugin_host_memory",
    "plugin_answer",
    "plugin_configure",
    "plugin_instantiate",
    "plugin_busy",
    "plugin_paused",
    "upstream_connect",
    "upstream_timeout_connect",
    "upstream_tls",
    "upstream_timeout_first_byte",
    "upstream_timeout_idle",
    "upstream_closed",
    "upstream_body",
    "upstream_malformed",
    "upstream_connection_field",
    "upstream_body_type",
    "upstream_body_too_long",
    "upstream_body_coding",
    "upstream_body_expanded",
    "upstream_access",
    "upstream_overloaded",
    "overloaded",
    "route_unavailable",
    "drain_cut",
    "no_pool",
    "no_target",
    "no_upstream",
    "no_arm",
    "no_params",
    "no_upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_for_operators_has_each_of_them_in_the_same_order() {
        let (_, table) = include_str!("../../OPERATING.md").split_once("| `class` | answer |").unwrap();
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let cells = rows.map(|line| line.split('|').nth(1).unwrap());
        let words: Vec<_> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        assert_eq!(words, CLASSES);
    }
}
