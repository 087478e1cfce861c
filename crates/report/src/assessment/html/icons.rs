//! Small pictures of what an estate holds, drawn once and used by name.

/// The pictures, 16 by 16, drawn in the colour of the text around them.
pub(super) const SYMBOLS: &str = concat!(
    "<svg class=\"symbols\" width=\"0\" height=\"0\" aria-hidden=\"true\" focusable=\"false\"><defs>",
    "<symbol id=\"i-internet\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"6\"/>",
    "<path d=\"M2 8h12M8 2c-4 4-4 8 0 12c4-4 4-8 0-12\"/></symbol>",
    "<symbol id=\"i-outside\" viewBox=\"0 0 16 16\"><path d=\"M2 14V6l4 2.5V6l4 2.5V3h4v11z\"/></symbol>",
    "<symbol id=\"i-machine\" viewBox=\"0 0 16 16\"><rect x=\"2.5\" y=\"2.5\" width=\"11\" height=\"4.5\" rx=\"1\"/>",
    "<rect x=\"2.5\" y=\"9\" width=\"11\" height=\"4.5\" rx=\"1\"/><path d=\"M5 4.8h.5M5 11.3h.5\"/></symbol>",
    "<symbol id=\"i-database\" viewBox=\"0 0 16 16\"><ellipse cx=\"8\" cy=\"4\" rx=\"5\" ry=\"2\"/>",
    "<path d=\"M3 4v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8c0 1.1 2.2 2 5 2s5-.9 5-2\"/></symbol>",
    "<symbol id=\"i-store\" viewBox=\"0 0 16 16\"><ellipse cx=\"8\" cy=\"4\" rx=\"5.5\" ry=\"2\"/>",
    "<path d=\"M2.5 4l1.6 9c.2.7 1.8 1.2 3.9 1.2s3.7-.5 3.9-1.200L13.5 4\"/></symbol>",
    "<symbol id=\"i-function\" viewBox=\"0 0 16 16\"><path d=\"M4 2.500h2L11.5 13.500H13M7.3 6.500L3.5 13.5\"/></symbol>",
    "<symbol id=\"i-balancer\" viewBox=\"0 0 16 16\"><circle cx=\"3.5\" cy=\"8\" r=\"1.8\"/>",
    "<circle cx=\"12.5\" cy=\"3.5\" r=\"1.8\"/><circle cx=\"12.5\" cy=\"12.5\" r=\"1.8\"/>",
    "<path d=\"M5 7.200l6-3M5 8.800l6 3\"/></symbol>",
    "<symbol id=\"i-pod\" viewBox=\"0 0 16 16\"><path d=\"M8 1.800l5.5 3v6.400L8 14.200l-5.5-3V4.800z",
    "M2.5 4.800L8 8l5.5-3.200M8 8v6.2\"/></symbol>",
    "<symbol id=\"i-key\" viewBox=\"0 0 16 16\"><circle cx=\"5\" cy=\"10.5\" r=\"3\"/>",
    "<path d=\"M7.2 8.400L13.5 2.500M10.5 5.300l2 2\"/></symbol>",
    "<symbol id=\"i-gateway\" viewBox=\"0 0 16 16\"><path d=\"M2 5.500h9M8.5 3L11 5.5 8.5 8M14 10.500H5M7.5 8L5 10.5 7.5 13\"/></symbol>",
    "<symbol id=\"i-unknown\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"6\"/>",
    "<path d=\"M6.2 6.300c0-2.4 3.6-2.4 3.6 0 0 1.4-1.8 1.5-1.8 3M8 11.500v.3\"/></symbol>",
    "<symbol id=\"i-jewel\" viewBox=\"0 0 16 16\"><path d=\"M4.5 2.500h7L14.5 6.5 8 14 1.5 6.500zM1.5 6.500h13M6 6.500L8 14l2-7.5\"/></symbol>",
    "</defs></svg>\n"
);

/// The picture for a kind of workload or subject, or for the outside.
pub(super) fn of(kind: &str) -> &'static str {
    match kind {
        "internet" | "outside-internet" => "i-internet",
        "outside" => "i-outside",
        "machine" | "workload" => "i-machine",
        "database" | "cache" | "queue" => "i-database",
        "object-store" | "file-system" | "table" | "store" => "i-store",
        "function" => "i-function",
        "load-balancer" => "i-balancer",
        "pod" | "task" | "cluster" => "i-pod",
        "credential" => "i-key",
        "gateway" | "private-service" => "i-gateway",
        _ => "i-unknown",
    }
}
