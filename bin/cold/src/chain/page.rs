//! A chain on one page that needs neither network nor script, for light and dark alike.

mod charts;

mod plot;

use std::fmt::Write;

use undertow_core::types::Price;
use undertow_strategies::options::exposure::{Convention, DealersLongCalls, OnePercent, Unit};
use undertow_strategies::options::positioning::RiskRatio;
use undertow_strategies::options::{Right, points};

use super::report::Report;
use super::words::{self, level, money, plain, ratio};
use latency_report::text::{counted, thousands};
use plot::escape;

const STYLE: &str = include_str!("page/style.css");

/// Rows of a table at most.
const LISTED: usize = 10;

/// The page, with `strikes` nearest to spot drawn, or as many as hold nearly all gamma.
#[must_use]
pub fn html(report: &Report, strikes: Option<usize>) -> String {
    let name = escape(&report.name);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{name}: option chain</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    let parts = [
        heading(report),
        cards(report),
        figure(
            "Gamma exposure by strike",
            &format!("{}; {}", OnePercent::LABEL, DealersLongCalls::LABEL),
            LEGEND,
            &charts::gamma_by_strike(report, strikes),
        ),
        profile(report),
        by_expiry(report),
        figure(
            "Delta exposure by strike",
            "dollars of the underlying that holders' deltas stand for",
            "",
            &charts::delta_by_strike(report, strikes),
        ),
        columns(&[levels(report), flow(report)]),
        game(report),
        setups(report),
        unusual(report),
        foot(report),
    ];
    parts.iter().for_each(|part| page.push_str(part));
    page.push_str("</body>\n</html>\n");
    page
}

const LEGEND: &str = "<p class=\"legend\"><i class=\"call\"></i>calls <i class=\"put\"></i>puts \
                      <i class=\"line\"></i>net</p>";

fn heading(report: &Report) -> String {
    format!(
        "<header><h1>{}</h1><p><b>{}</b> {} &middot; {} &middot; {}</p>\
         <p class=\"faint\">open interest: {}</p></header>\n",
        escape(&report.name),
        plain(report.spot),
        escape(&report.spot_from),
        escape(&words::moment(report)),
        escape(&words::source(report)),
        escape(&words::interest(report)),
    )
}

/// The figures that matter most, large.
fn cards(report: &Report) -> String {
    let exposure = &report.exposure;
    let net = exposure.total.net();
    let gex = net.gex.per::<OnePercent>().value();
    let spot = points(report.spot);
    let away = |at: f64| format!("{:+.2} % from spot", 100.0 * (at - spot) / spot);
    let strike = |at: Option<Price>| match at {
        Some(at) => (plain(at), away(points(at))),
        None => ("none".to_owned(), String::new()),
    };
    let flip = match report.flip {
        Some(flip) => (level(flip), away(flip)),
        None => (
            "none".to_owned(),
            "no change of sign within 15 %".to_owned(),
        ),
    };
    let class = match exposure.bias().name() {
        "positive" => "up",
        "negative" => "down",
        _ => "",
    };
    let open = (
        ratio(report.flow.put_call_open_interest()),
        "open interest".to_owned(),
    );
    let dex = (money(net.dex.0), "dollars held by delta".to_owned());
    let bias = format!("$ per 1 %, {}", exposure.bias().name());
    let cards = [
        ("net GEX", (money(gex), bias), class),
        ("gamma flip", flip, ""),
        ("call wall", strike(exposure.call_wall()), "up"),
        ("put wall", strike(exposure.put_wall()), "down"),
        ("net DEX", dex, ""),
        ("put/call", open, ""),
    ];
    let mut text = String::from("<div class=\"cards\">");
    for (name, (value, note), class) in cards {
        let (value, note) = (escape(&value), escape(&note));
        let _ = write!(
            text,
            "<div class=\"card {class}\"><small>{name}</small><b>{value}</b>\
             <small>{note}</small></div>"
        );
    }
    text.push_str("</div>\n");
    text
}

fn profile(report: &Report) -> String {
    let title = "Gamma exposure if spot were elsewhere";
    let note = format!(
        "{}; every option priced anew at its own volatility",
        OnePercent::LABEL
    );
    match charts::profile(report) {
        Some(picture) => figure(title, &note, "", &picture),
        None => section(
            title,
            "<p class=\"faint\">no option carries a volatility</p>",
        ),
    }
}

fn by_expiry(report: &Report) -> String {
    if report.exposure.expiries.len() < 2 {
        return String::new();
    }
    figure(
        "Gamma exposure by expiry",
        OnePercent::LABEL,
        "",
        &charts::by_expiry(report),
    )
}

fn levels(report: &Report) -> String {
    let spot = points(report.spot);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (name, at, note) in words::levels(report) {
        let away = at.map(|at| format!("{:+.2} %", 100.0 * (at - spot) / spot));
        rows.push(vec![
            format!("{}<small>{}</small>", escape(name), escape(&note)),
            at.map_or_else(|| "none".to_owned(), level),
            away.unwrap_or_default(),
        ]);
    }
    let list = |strikes: &[Price]| {
        let names: Vec<_> = strikes.iter().map(|strike| plain(*strike)).collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    };
    rows.push(vec![
        "supports".to_owned(),
        list(&report.levels.supports),
        String::new(),
    ]);
    rows.push(vec![
        "resistances".to_owned(),
        list(&report.levels.resistances),
        String::new(),
    ]);
    section("Levels", &table(&["", "at", "from spot"], &rows))
}

fn flow(report: &Report) -> String {
    let flow = &report.flow;
    let total = &report.exposure.total;
    let gex = [total.call, total.put].map(|it| money(it.gex.per::<OnePercent>().value()));
    let row = |name: &str, cells: [String; 3]| {
        let mut row = vec![name.to_owned()];
        row.extend(cells);
        row
    };
    let [call_gex, put_gex] = gex;
    let rows = [
        row(
            "volume",
            [
                thousands(flow.call.volume),
                thousands(flow.put.volume),
                ratio(flow.put_call_volume()),
            ],
        ),
        row(
            "open interest",
            [
                thousands(flow.call.open_interest),
                thousands(flow.put.open_interest),
                ratio(flow.put_call_open_interest()),
            ],
        ),
        row(
            "premium, $",
            [
                money(flow.call.premium.dollars()),
                money(flow.put.premium.dollars()),
                format!("net {}", money(flow.net_premium().dollars())),
            ],
        ),
        row(
            "GEX per 1 %, $",
            [call_gex, put_gex, ratio(report.exposure.put_call_ratio())],
        ),
        row(
            "DEX, $",
            [
                money(total.call.dex.0),
                money(total.put.dex.0),
                String::new(),
            ],
        ),
    ];
    section(
        "Calls against puts",
        &table(&["", "calls", "puts", "put/call"], &rows),
    )
}

fn game(report: &Report) -> String {
    let found = &report.positioning;
    let of = match found.ratio() {
        RiskRatio::Of(ratio) => format!("ratio {ratio:.2}"),
        RiskRatio::OnlyCalls => "calls only".to_owned(),
    };
    let lean = found.pressured().map(|right| match right {
        Right::Put => "; the nearest put is under pressure: downward lean",
        Right::Call => "; the nearest call is under pressure: upward lean",
    });
    let verdict = format!(
        "{of}: {}{}",
        found.verdict().name(),
        lean.unwrap_or_default()
    );
    let rows: Vec<_> = found
        .top()
        .iter()
        .map(|zone| {
            vec![
                format!("{} {}", plain(zone.strike), zone.right.name()),
                money(zone.risk.dollars()),
                level(points(zone.distance)),
                zone.reach.name().to_owned(),
                money(zone.danger.dollars()),
                zone.reinforcement.name().to_owned(),
            ]
        })
        .collect();
    let mut body = format!("<p>{}</p>", escape(&verdict));
    if let Some(balance) = charts::balance(report) {
        let sides = [("call", "calls", found.call), ("put", "puts", found.put)];
        let sides = sides.map(|(class, name, at_risk)| {
            let at_risk = money(at_risk.dollars());
            format!("<i class=\"{class}\"></i>{name} ${at_risk} at risk")
        });
        let _ = write!(body, "<p class=\"legend\">{}</p>{balance}", sides.concat());
    }
    let header = ["", "at risk, $", "away", "reach", "danger, $", "volume"];
    body.push_str(&listing(
        &header,
        &rows,
        "nothing out of the money is open and quoted",
    ));
    let title = format!(
        "Who has more skin in the game, expiry {}",
        words::expiry_name(report, report.nearest)
    );
    section(&title, &body)
}

fn setups(report: &Report) -> String {
    let rows: Vec<_> = report
        .good_setups()
        .take(LISTED)
        .map(|setup| {
            vec![
                format!("{} to {}", setup.direction.name(), plain(setup.target)),
                plain(setup.stop),
                format!("{:.2}", setup.p),
                level(points(setup.reward)),
                level(points(setup.risk)),
                ratio(Some(setup.reward_risk)),
                level(setup.ev),
                money(setup.ev_dollars(report.multiplier)),
                setup.size().name().to_owned(),
            ]
        })
        .collect();
    let note = format!(
        "<p class=\"faint\">{} of {} with an expected value of {} points and a score p of {} \
         at least; p is a score, not a probability</p>",
        report.good_setups().count(),
        counted(report.setups.len(), "pair"),
        report.ev_rules.ev_min,
        report.ev_rules.p_min
    );
    let header = [
        "", "stop", "p", "reward", "risk", "r/r", "EV", "EV, $", "size",
    ];
    let body = note + &listing(&header, &rows, "none");
    let title = format!(
        "Expected value of target and stop, expiry {}",
        words::expiry_name(report, report.nearest)
    );
    section(&title, &body)
}

fn unusual(report: &Report) -> String {
    let rows: Vec<_> = report
        .unusual
        .iter()
        .take(LISTED)
        .map(|it| {
            vec![
                escape(&it.name),
                thousands(it.volume),
                thousands(it.open_interest),
                it.premium
                    .map_or_else(|| "-".to_owned(), |it| money(it.dollars())),
            ]
        })
        .collect();
    let note = format!(
        "<p class=\"faint\">{} traded more than twice their open interest; score {}</p>",
        counted(report.unusual.len(), "contract"),
        ratio(report.unusual_score)
    );
    let header = ["", "volume", "open interest", "premium, $"];
    section(
        "Unusual activity",
        &(note + &listing(&header, &rows, "none")),
    )
}

fn foot(report: &Report) -> String {
    let mut body = format!(
        "<p>{} read, of which {} counted</p><ul>",
        counted(report.rows, "row"),
        thousands(report.admitted as u64)
    );
    for line in words::left_out(report)
        .iter()
        .chain(&words::remarks(report))
    {
        let _ = write!(body, "<li>{}</li>", escape(line));
    }
    body.push_str("</ul>");
    section("What was left out, and what was assumed", &body)
}

fn figure(title: &str, note: &str, legend: &str, picture: &str) -> String {
    let (title, note) = (escape(title), escape(note));
    format!(
        "<section><h2>{title}</h2><p class=\"faint\">{note}</p>{legend}\n\
         <div class=\"plot\">{picture}</div></section>\n"
    )
}

fn section(title: &str, body: &str) -> String {
    format!("<section><h2>{}</h2>{body}</section>\n", escape(title))
}

fn columns(parts: &[String]) -> String {
    format!("<div class=\"columns\">{}</div>\n", parts.concat())
}

fn listing(header: &[&str], rows: &[Vec<String>], none: &str) -> String {
    if rows.is_empty() {
        return format!("<p>{}</p>", escape(none));
    }
    table(header, rows)
}

/// A table; cells are HTML already.
fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = String::from("<div class=\"scroll\"><table><tr>");
    for name in header {
        let _ = write!(text, "<th>{}</th>", escape(name));
    }
    text.push_str("</tr>\n");
    for row in rows {
        text.push_str("<tr>");
        for cell in row {
            let _ = write!(text, "<td>{cell}</td>");
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</table></div>");
    text
}
