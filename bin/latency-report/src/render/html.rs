//! One page, complete in itself: the picture, the table, what was measured around them. It asks
//! the network for nothing.

use super::svg;
use super::table;
use crate::recorder::{Basis, Row};
use crate::run::Run;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2430;--faint:#5c6675;--line:#e3e7ec;--paper:#ffffff}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf1;--faint:#9aa5b4;--line:#2b333e;\
--paper:#14181e}}
body{margin:2rem auto;max-width:1000px;padding:0 1rem;background:var(--paper);color:var(--ink);\
font:15px/1.5 system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}
svg{width:100%;height:auto;margin:0 0 1.5rem}
@media(max-width:760px){.plot{overflow-x:auto}.plot svg{min-width:960px}}
h2{font-size:1rem;margin:1.5rem 0 .5rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
th,td{padding:.35rem .7rem;text-align:right;border-bottom:1px solid var(--line);\
white-space:nowrap}
th{color:var(--faint);font-weight:600}
th:first-child,td:first-child{text-align:left;padding-left:0}
td small{display:block;color:var(--faint)}
ul{padding-left:1.2rem;color:var(--faint)}
";

pub(super) fn render(run: &Run) -> String {
    let title = svg::escape(&run.what);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>Latency: {title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    page.push_str("<div class=\"plot\">");
    page.push_str(&svg::render(run));
    page.push_str("</div>");
    let (foreign, own): (Vec<&Row>, Vec<&Row>) = run
        .rows
        .iter()
        .partition(|row| row.basis == Basis::OtherClock);
    push_table(&mut page, "Latency by stage", &own);
    if !foreign.is_empty() {
        push_table(
            &mut page,
            "Not one clock: these tell of two hosts' clocks as well",
            &foreign,
        );
    }
    push_list(&mut page, "Around it", &table::foot(run));
    push_list(&mut page, "Where it ran", &table::head(run));
    page.push_str("</body>\n</html>\n");
    page
}

fn push_table(page: &mut String, heading: &str, rows: &[&Row]) {
    let grid = table::grid(rows);
    let columns = grid[0].len();
    page.push_str(&format!(
        "<h2>{heading}</h2>\n<div class=\"scroll\"><table>\n"
    ));
    for (idx, cells) in grid.iter().enumerate() {
        let tag = if idx == 0 { "th" } else { "td" };
        page.push_str("<tr>");
        for (column, cell) in cells.iter().take(columns).enumerate() {
            let note = cells.get(columns).filter(|_| column == 0);
            let note = note.map(|it| format!("<small>{}</small>", svg::escape(it)));
            let cell = svg::escape(cell);
            page.push_str(&format!(
                "<{tag}>{cell}{}</{tag}>",
                note.unwrap_or_default()
            ));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
}

fn push_list(page: &mut String, heading: &str, lines: &[String]) {
    page.push_str(&format!("<h2>{heading}</h2>\n<ul>\n"));
    for line in lines {
        // Wide gaps part what stands on a line of the table; a page closes them.
        let parts = line.split("  ").map(str::trim).filter(|it| !it.is_empty());
        let line = parts.collect::<Vec<_>>().join(" · ");
        page.push_str(&format!("<li>{}</li>\n", svg::escape(&line)));
    }
    page.push_str("</ul>\n");
}

#[cfg(test)]
mod tests {
    use crate::render::{Format, render};
    use crate::run::tests::sample_run;

    #[test]
    fn the_page_is_complete_and_asks_the_network_for_nothing() {
        let page = render(&sample_run(1, 100), Format::Html, None).unwrap();
        for part in [
            "<svg",
            "Latency by stage",
            "Not one clock",
            "measurement floor",
        ] {
            assert!(page.contains(part), "{part}");
        }
        let namespace = "http://www.w3.org/2000/svg";
        let rest = page.replace(namespace, "");
        for reach in ["http:", "https:", "src=", "<script", "@import", "url("] {
            assert!(!rest.contains(reach), "{reach}");
        }
        assert_eq!(page.matches("<tr>").count(), page.matches("</tr>").count());
        // Two heads and six rows.
        assert_eq!(page.matches("<tr>").count(), 8);
    }
}
