//! Where two runs part: the first decision that differs, and why.
//!
//! A run's decisions are its explanations in order: signals, emitted or blocked, orders, cancels,
//! halts, reports. The number of the record and our own latency are no part of a decision. The
//! cause is told from both sides: what differs in the two decisions, and what differs in where the
//! runs come from. A cause that provenance excludes is never named, but for the operator, of whose
//! orders it knows nothing.

use std::collections::VecDeque;
use std::fmt::Write;

use latency_report::text::counted;
use serde::Serialize;
use serde_json::Value;

use crate::provenance::{Apart, Cause, Provenance};

/// Fields that are no part of a decision.
const IGNORED: [&str; 2] = ["sequence", "latency_ns"];

/// How far a decision that one run lacks is looked for in what comes later.
const AHEAD_MAX: usize = 20_000;

/// Differences of one decision that are told.
const FIELDS_MAX: usize = 12;

/// How two runs compare.
#[derive(Clone, Debug, Serialize)]
pub struct Parity {
    /// Decisions that are the same, from the start on.
    pub same: u64,
    /// The first that differs; none when all are equal.
    pub first: Option<Difference>,
    /// In what their provenance differs; none when it is not known of both.
    pub provenance: Option<Vec<Apart>>,
}

/// The first decision that differs.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// As the first run has it; none when it ended before.
    pub a: Option<Value>,
    /// As the second has it.
    pub b: Option<Value>,
    /// In what they differ, when both are about the same thing.
    pub fields: Vec<Field>,
    /// The class of the cause; none when nothing that is known differs.
    pub cause: Option<&'static str>,
    /// What speaks for it.
    pub because: String,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its path, elements of lists by their name.
    pub path: String,
    /// In the first run.
    pub a: Value,
    /// In the second.
    pub b: Value,
}

/// Compares two runs, document by document.
///
/// # Errors
/// Those of the iterators: a document that cannot be read.
pub fn compare<E>(
    a: impl Iterator<Item = Result<Value, E>>,
    b: impl Iterator<Item = Result<Value, E>>,
    origins: Option<(&Provenance, &Provenance)>,
) -> Result<Parity, E> {
    let provenance = origins.map(|(a, b)| a.apart(b));
    let (mut a, mut b) = (Stream::new(a), Stream::new(b));
    let mut same = 0;
    loop {
        match (a.take()?, b.take()?) {
            (None, None) => {
                let first = None;
                return Ok(Parity {
                    same,
                    first,
                    provenance,
                });
            }
            (Some(a), Some(b)) if fields(&a, &b).is_empty() => same += 1,
            (of_a, of_b) => {
                let first = Some(judge(
                    (of_a, of_b),
                    (&mut a, &mut b),
                    provenance.as_deref(),
                )?);
                return Ok(Parity {
                    same,
                    first,
                    provenance,
                });
            }
        }
    }
}

/// The documents of a run, with some of them read ahead.
struct Stream<I> {
    documents: I,
    ahead: VecDeque<Value>,
}

impl<E, I: Iterator<Item = Result<Value, E>>> Stream<I> {
    const fn new(documents: I) -> Self {
        Self {
            documents,
            ahead: VecDeque::new(),
        }
    }

    fn take(&mut self) -> Result<Option<Value>, E> {
        match self.ahead.pop_front() {
            Some(document) => Ok(Some(document)),
            None => self.documents.next().transpose(),
        }
    }

    /// Whether something like it, at whatever time, comes later.
    fn comes_later(&mut self, like: &Value) -> Result<bool, E> {
        while self.ahead.len() < AHEAD_MAX {
            match self.documents.next().transpose()? {
                Some(document) => self.ahead.push_back(document),
                None => break,
            }
        }
        let is_it = |document: &Value| {
            subject(document) == subject(like)
                && fields(document, like)
                    .iter()
                    .all(|field| is_time(&field.path) || field.path == "held")
        };
        Ok(self.ahead.iter().any(is_it))
    }
}

/// What two decisions in the same place say about the cause.
fn judge<E, I, J>(
    (a, b): (Option<Value>, Option<Value>),
    (rest_a, rest_b): (&mut Stream<I>, &mut Stream<J>),
    apart: Option<&[Apart]>,
) -> Result<Difference, E>
where
    I: Iterator<Item = Result<Value, E>>,
    J: Iterator<Item = Result<Value, E>>,
{
    let both = a.as_ref().zip(b.as_ref());
    let alike = both.filter(|(a, b)| subject(a) == subject(b));
    let (fields, (suspects, evidence)) = match alike {
        Some((a, b)) => {
            let fields = fields(a, b);
            let suspects = suspects(a, &fields);
            (fields, suspects)
        }
        None => {
            // The earlier of the two is what the other run lacks. At one time it is the order of
            // an operator, for the rest may follow from it.
            let is_of_a = match both {
                Some((a, b)) => (time(a), !is_ordered(a)) <= (time(b), !is_ordered(b)),
                None => a.is_some(),
            };
            let odd = if is_of_a { &a } else { &b };
            let comes_later = match odd {
                Some(odd) if is_of_a => rest_b.comes_later(odd)?,
                Some(odd) => rest_a.comes_later(odd)?,
                None => false,
            };
            let run = if is_of_a { "A" } else { "B" };
            (Vec::new(), lone(odd.as_ref(), comes_later, run))
        }
    };
    let (cause, because) = settle(&suspects, &evidence, apart);
    Ok(Difference {
        a,
        b,
        fields,
        cause: cause.map(Cause::name),
        because,
    })
}

/// What a decision is about: two of one subject can be compared field by field.
fn subject(of: &Value) -> [&Value; 4] {
    let [one, two, three] = match of["kind"].as_str() {
        Some("signal") => ["strategy", "symbol", "kind"],
        Some("order") => ["purpose", "contract", "side"],
        Some("report") => ["order", "said", "kind"],
        _ => ["order", "gate", "kind"],
    };
    [&of["kind"], &of[one], &of[two], &of[three]]
}

/// Whether it is an order of the operator: no decision of the run, but one that it was given.
fn is_ordered(of: &Value) -> bool {
    of["kind"] == "operator"
}

fn time(of: &Value) -> &str {
    of["ts"].as_str().unwrap_or_default()
}

/// Causes that two decisions about the same thing speak for, the likeliest first, and how.
fn suspects(of: &Value, fields: &[Field]) -> (Vec<Cause>, String) {
    let first = |is: fn(&str) -> bool| fields.iter().find(|field| is(&field.path));
    if is_ordered(of) {
        let paths: Vec<_> = fields.iter().map(|field| field.path.as_str()).collect();
        let evidence = format!("an order of the operator with another {}", paths.join(", "));
        return (vec![Cause::Operator], evidence);
    }
    if fields.iter().all(|field| is_time(&field.path)) {
        let evidence = "the same at another time".to_owned();
        return (vec![Cause::Latency], evidence);
    }
    if of["kind"] == "report" {
        let evidence = "the venue did something else with the same order".to_owned();
        return (vec![Cause::Queue, Cause::Latency], evidence);
    }
    if let Some(field) = first(is_limit) {
        let evidence = format!("{} is another", field.path);
        return (vec![Cause::Config], evidence);
    }
    if let Some(field) = first(is_seen) {
        let evidence = format!("{} was seen otherwise", field.path);
        return (vec![Cause::Data, Cause::Latency], evidence);
    }
    let evidence = "what was seen is the same, and what was made of it is not".to_owned();
    (vec![Cause::Config, Cause::Build], evidence)
}

/// The same of a decision that only one run has.
fn lone(odd: Option<&Value>, comes_later: bool, run: &str) -> (Vec<Cause>, String) {
    let kind = odd.and_then(|odd| odd["kind"].as_str()).unwrap_or("end");
    if odd.is_some_and(is_ordered) {
        let evidence = if comes_later {
            format!("{run} has this order of its operator here, the other has it later")
        } else {
            format!("only {run} has this order of its operator")
        };
        return (vec![Cause::Operator], evidence);
    }
    if comes_later {
        let evidence = format!("what {run} has here the other has later");
        return (vec![Cause::Latency], evidence);
    }
    let evidence = format!("only {run} has this {kind}");
    let suspects = match kind {
        "report" => vec![Cause::Queue, Cause::Latency],
        "cancel" => vec![Cause::Latency, Cause::Queue, Cause::Config],
        _ => vec![Cause::Data, Cause::Config],
    };
    (suspects, evidence)
}

/// The first suspect that provenance allows, else whatever it names, the general first.
fn settle(suspects: &[Cause], evidence: &str, apart: Option<&[Apart]>) -> (Option<Cause>, String) {
    // Whatever else differs, the operator is no part of where a run comes from.
    if suspects == [Cause::Operator] {
        return (Some(Cause::Operator), evidence.to_owned());
    }
    let Some(apart) = apart else {
        let because = format!("{evidence}; where the runs come from is not known");
        return (suspects.first().copied(), because);
    };
    let mut sources = Cause::ALL.into_iter().filter(|cause| {
        let mut can = apart.iter().flat_map(|apart| apart.causes);
        can.any(|other| other == cause)
    });
    let likeliest = suspects
        .iter()
        .copied()
        .find(|suspect| sources.clone().any(|source| source == *suspect));
    let cause = likeliest.or_else(|| sources.next());
    let Some(cause) = cause else {
        let because = format!(
            "{evidence}, and build, config, profile and inputs are the same: \
             this is a fault of ours, report it with both runs"
        );
        return (None, because);
    };
    let names: Vec<_> = apart
        .iter()
        .filter(|apart| apart.causes.contains(&cause))
        .map(|apart| apart.what.as_str())
        .collect();
    (
        Some(cause),
        format!("{evidence}; other {}", names.join(", ")),
    )
}

/// Times, and what is counted from one.
fn is_time(path: &str) -> bool {
    path == "ts" || path.ends_with(".age_ms") || path == "levels.lives_s"
}

/// What a configuration or a profile sets.
fn is_limit(path: &str) -> bool {
    path == "confidence_min"
        || path.ends_with(".limit")
        || path.ends_with(".threshold")
        || path.ends_with(".weight")
}

/// What a decision was made on.
fn is_seen(path: &str) -> bool {
    let places = ["features.", "book.", "depth.", "contract.", "checks."];
    places.iter().any(|place| path.starts_with(place)) && !is_time(path) && !is_limit(path)
}

/// Every field in which two documents differ, but those that are no part of a decision.
fn fields(a: &Value, b: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    walk("", a, b, &mut fields);
    fields
}

fn walk(path: &str, a: &Value, b: &Value, out: &mut Vec<Field>) {
    let under = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    match (a, b) {
        (Value::Object(of_a), Value::Object(of_b)) => {
            let only_b = of_b.keys().filter(|key| !of_a.contains_key(*key));
            for key in of_a.keys().chain(only_b) {
                if !path.is_empty() || !IGNORED.contains(&key.as_str()) {
                    walk(&under(key), &a[key], &b[key], out);
                }
            }
        }
        (Value::Array(of_a), Value::Array(of_b)) => {
            for at in 0..of_a.len().max(of_b.len()) {
                let (a, b) = (of_a.get(at), of_b.get(at));
                let named = a.or(b).unwrap_or(&Value::Null);
                let name = named["name"].as_str().or(named["term"].as_str());
                let key = name.map_or_else(|| at.to_string(), str::to_owned);
                let nothing = &Value::Null;
                walk(
                    &under(&key),
                    a.unwrap_or(nothing),
                    b.unwrap_or(nothing),
                    out,
                );
            }
        }
        _ if a == b => {}
        _ => out.push(Field {
            path: path.to_owned(),
            a: a.clone(),
            b: b.clone(),
        }),
    }
}

impl Parity {
    /// Whether every decision is the same.
    #[must_use]
    pub const fn is_equal(&self) -> bool {
        self.first.is_none()
    }

    /// The same for people. `a` and `b` name the runs.
    #[must_use]
    pub fn render(&self, a: &str, b: &str) -> String {
        let mut text = format!("A  {a}\nB  {b}\n");
        match &self.provenance {
            None => text.push_str("provenance  not known of both runs\n"),
            Some(apart) if apart.is_empty() => {
                text.push_str("provenance  the same build, config, profile and inputs\n");
            }
            Some(apart) => {
                for Apart { what, a, b, .. } in apart {
                    let _ = writeln!(text, "differ      {what}: {a} in A, {b} in B");
                }
            }
        }
        let Some(first) = &self.first else {
            let _ = writeln!(
                text,
                "equal       all of {}",
                counted(self.same, "decision")
            );
            return text;
        };
        let _ = writeln!(
            text,
            "equal       {} before it",
            counted(self.same, "decision")
        );
        let _ = writeln!(text, "first apart decision {}", self.same + 1);
        for (run, of) in [("A", &first.a), ("B", &first.b)] {
            let _ = writeln!(text, "  {run}  {}", line(of.as_ref()));
        }
        for field in first.fields.iter().take(FIELDS_MAX) {
            let _ = writeln!(
                text,
                "     {}: {} in A, {} in B",
                field.path, field.a, field.b
            );
        }
        let more = first.fields.len().saturating_sub(FIELDS_MAX);
        if more > 0 {
            let _ = writeln!(text, "     and {more} more");
        }
        let cause = first.cause.unwrap_or("not known");
        let _ = writeln!(text, "cause       {cause}: {}", first.because);
        text
    }
}

/// A decision in a line.
fn line(of: Option<&Value>) -> String {
    let Some(of) = of else {
        return "no decision any more".to_owned();
    };
    let names = [
        "ts",
        "kind",
        "id",
        "order",
        "strategy",
        "symbol",
        "outcome",
        "because",
        "direction",
        "confidence",
        "side",
        "quantity",
        "contract",
        "price",
        "refused_by",
        "said",
        "gate",
        "by",
    ];
    let word = |name: &&str| match &of[*name] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(format!("{name} {number}")),
        Value::Object(inner) => Some(inner.get("name")?.as_str()?.to_owned()),
        _ => None,
    };
    let words: Vec<_> = names.iter().filter_map(word).collect();
    let record = of["sequence"].as_u64();
    let record = record.map_or_else(String::new, |record| format!("  (record {record})"));
    format!("{}{record}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::provenance::Origin;

    fn origin(seed: &str, bucket: &str, content: &str, build: &str) -> Provenance {
        Provenance {
            build: build.to_owned(),
            config: [("flow.vpin_bucket".to_owned(), bucket.to_owned())].into(),
            limits: [("venue.seed".to_owned(), seed.to_owned())].into(),
            inputs: vec![Origin {
                name: String::new(),
                content: Some(content.to_owned()),
            }],
            ..Provenance::default()
        }
    }

    fn signal(ts: &str, vpin: f64, confidence_min: u8) -> Value {
        json!({
            "kind": "signal", "sequence": 7, "ts": ts, "strategy": "ifd", "symbol": "NQ",
            "features": [{ "name": "vpin", "value": vpin, "age_ms": 1.0 }],
            "confidence_min": confidence_min,
        })
    }

    fn report(order: u64, said: &str, quantity: u32, ts: &str) -> Value {
        json!({
            "kind": "report", "sequence": 9, "ts": ts, "order": order, "said": said,
            "quantity": quantity,
        })
    }

    fn told(a: &[&Value], b: &[&Value], origins: Option<(&Provenance, &Provenance)>) -> Parity {
        let all = |documents: &[&Value]| -> Vec<Result<Value, ()>> {
            documents.iter().map(|it| Ok((*it).clone())).collect()
        };
        compare(all(a).into_iter(), all(b).into_iter(), origins).expect("documents")
    }

    fn cause(a: &[&Value], b: &[&Value], to: &Provenance) -> Option<&'static str> {
        let from = origin("1", "500", "aa", "x");
        let parity = told(a, b, Some((&from, to)));
        let first = parity.first.expect("a difference");
        first.cause
    }

    #[test]
    fn records_number_and_latency_are_no_difference() {
        let mut other = signal("t1", 0.5, 60);
        other["sequence"] = json!(8);
        other["latency_ns"] = json!(900);
        let parity = told(&[&signal("t1", 0.5, 60)], &[&other], None);
        assert!(parity.is_equal() && parity.same == 1);
    }

    #[test]
    fn a_cause_is_told_by_what_differs_and_by_where_the_runs_come_from() {
        let sure = signal("t1", 0.5, 60);
        let seed = origin("2", "500", "aa", "x");
        let bucket = origin("1", "75", "aa", "x");
        let data = origin("1", "500", "bb", "x");
        let build = origin("1", "500", "aa", "y");
        let seen = signal("t1", 0.6, 60);
        assert_eq!(cause(&[&sure], &[&seen], &data), Some("data"));
        // The same difference comes from the configuration when the inputs are the same.
        assert_eq!(cause(&[&sure], &[&seen], &bucket), Some("config"));
        assert_eq!(cause(&[&sure], &[&seen], &build), Some("build"));
        let strict = signal("t1", 0.5, 70);
        assert_eq!(cause(&[&sure], &[&strict], &bucket), Some("config"));
        let fill = report(1, "executed", 2, "t2");
        let late = report(1, "executed", 2, "t3");
        let less = report(1, "executed", 1, "t2");
        assert_eq!(cause(&[&fill], &[&late], &seed), Some("latency"));
        assert_eq!(cause(&[&fill], &[&less], &seed), Some("queue"));
        // A report that another decision overtook is late, not lost.
        let next = signal("t2", 0.5, 60);
        let (straight, turned) = ([&fill, &next], [&next, &late]);
        assert_eq!(cause(&straight, &turned, &seed), Some("latency"));
        assert_eq!(cause(&[&fill], &[], &seed), Some("queue"));
        assert_eq!(cause(&[&sure], &[], &data), Some("data"));
    }

    fn operator(order: &str, signal: Option<&str>, ts: &str) -> Value {
        json!({
            "kind": "operator", "sequence": 3, "ts": ts, "order": order, "signal": signal,
        })
    }

    /// The cause and what speaks for it, by runs that come from the same and by runs that do not.
    fn by_operator(a: &[&Value], b: &[&Value]) -> String {
        let from = origin("1", "500", "aa", "x");
        let other = origin("2", "75", "bb", "y");
        let because = |origins| {
            let first = told(a, b, origins).first.expect("a difference");
            assert_eq!(first.cause, Some("operator"), "{}", first.because);
            first.because
        };
        let same = because(Some((&from, &from)));
        assert_eq!(same, because(Some((&from, &other))), "nothing else told it");
        assert_eq!(same, because(None));
        same
    }

    #[test]
    fn r12_an_order_of_the_operator_is_a_cause_of_its_own_wherever_the_runs_come_from() {
        let halt = operator("halt", None, "t2");
        let (before, after) = (signal("t1", 0.5, 60), signal("t3", 0.5, 60));
        let (with, without) = ([&before, &halt, &after], [&before, &after]);
        let only = |run: &str| format!("only {run} has this order of its operator");
        assert_eq!(by_operator(&with, &without), only("A"));
        assert_eq!(by_operator(&without, &with), only("B"));
        // It is the last that the one run says, and the other says nothing more.
        assert_eq!(by_operator(&with[..2], &with[..1]), only("A"));
        // What the other run says at that time follows from what it was not ordered.
        let (at_once, next) = (signal("t2", 0.5, 60), [&halt]);
        assert_eq!(by_operator(&next, &[&at_once]), only("A"));
        assert_eq!(by_operator(&[&at_once], &next), only("B"));
        let late = operator("halt", None, "t4");
        assert_eq!(
            by_operator(&[&halt, &after], &[&after, &late]),
            "A has this order of its operator here, the other has it later"
        );
    }

    #[test]
    fn r12_two_orders_of_operators_that_differ_are_told_by_what_is_another() {
        let close = |signal| operator("close", Some(signal), "t2");
        let (one, two) = (close("aa"), close("bb"));
        let because = by_operator(&[&one], &[&two]);
        assert_eq!(because, "an order of the operator with another signal");
        let late = operator("close", Some("aa"), "t3");
        let because = by_operator(&[&one], &[&late]);
        assert_eq!(because, "an order of the operator with another ts");
        // Two words for two things: each is the other run's lack.
        let because = by_operator(&[&one], &[&operator("kill", None, "t2")]);
        assert_eq!(because, "only A has this order of its operator");
    }

    #[test]
    fn what_one_run_lacks_before_its_operator_speaks_is_not_told_by_the_operator() {
        let (before, halt) = (signal("t1", 0.5, 60), operator("halt", None, "t2"));
        let data = origin("1", "500", "bb", "x");
        assert_eq!(cause(&[&before], &[&halt], &data), Some("data"));
        assert_eq!(cause(&[&halt], &[&before], &data), Some("data"));
    }

    #[test]
    fn runs_that_differ_for_no_reason_are_called_so() {
        let same = origin("1", "500", "aa", "x");
        let (a, b) = (signal("t1", 0.5, 60), signal("t1", 0.6, 60));
        let (a, b) = ([&a], [&b]);
        let parity = told(&a, &b, Some((&same, &same)));
        let first = parity.first.as_ref().expect("a difference");
        assert_eq!(first.cause, None);
        assert!(first.because.contains("fault of ours"));
        let text = parity.render("x", "y");
        assert!(
            text.contains("features.vpin.value: 0.5 in A, 0.6 in B"),
            "{text}"
        );
        let unknown = told(&a, &b, None);
        assert_eq!(unknown.first.expect("one").cause, Some("data"));
    }

    #[test]
    fn equal_beginnings_are_counted_and_a_shorter_run_ends_them() {
        let (one, two) = (signal("t1", 0.5, 60), report(1, "sent", 0, "t2"));
        let parity = told(&[&one, &two], &[&one], None);
        assert_eq!(parity.same, 1);
        let first = parity.first.as_ref().expect("a difference");
        assert!(first.a.is_some() && first.b.is_none());
        assert!(parity.render("x", "y").contains("no decision any more"));
    }
}
