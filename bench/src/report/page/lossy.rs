//! Transfers across lossy links.

use super::text::Text;
use super::throughput::with_range;
use crate::compare::lossy::Links;

/// The section; empty without them.
pub fn section(links: Option<&Links>) -> String {
    let Some(links) = links else { return String::new() };
    let Links { mib, seconds, congestion, .. } = links;
    let mut html = format!(
        "<section id=\"lossy\"><h2>Lossy links</h2>\n<p>Transfers of {mib} MiB, cut after {seconds} s, between corelane on a TAP \
         and the kernel, beside the same between the kernel and the kernel: a forwarder between them has a bottleneck, a \
         round-trip time, and drops segments at random. Both ends with {}. Every byte is checked.</p>\n<div class=\"scroll\" \
         role=\"region\" tabindex=\"0\" aria-label=\"Lossy links\"><table><thead><tr><th scope=\"col\">link</th><th \
         scope=\"col\">kernel, Mbit/s</th><th scope=\"col\">corelane, Mbit/s</th><th scope=\"col\">× kernel</th></tr></thead>\
         <tbody>\n",
        Text(congestion)
    );
    for link in &links.links {
        let mbit = |value: f64| format!("{value:.2}");
        html.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{:.2}</td></tr>\n",
            Text(link.name()),
            Text(with_range(&link.kernel_mbit, mbit)),
            Text(with_range(&link.corelane_mbit, mbit)),
            link.ratio
        ));
    }
    html.push_str("</tbody></table></div></section>\n");
    html
}
