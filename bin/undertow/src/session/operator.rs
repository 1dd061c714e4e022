//! The operator's line into a run that is paced as live: a socket, a thread that listens at it, and
//! what the cold side tells it.
//!
//! An order enters at the ingress as control, in the one order of inputs, and has a number. Who gave
//! it waits until the cold side has seen the chain say that many, and then until the cold side has
//! said how the run stands. Every guest has a thread, so that nobody waits for another: a kill is
//! handed over also while somebody waits for an answer that does not come.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use undertow_cold::standing::Standing;
use undertow_core::event::Operator;
use undertow_core::order::{SignalId, StrategyId};
use undertow_core::risk::{BreakerKind, Reason};
use undertow_strategies::trade::event::{Limited, TradeEvent};

use super::witness::Exchange;
use crate::exit::{Code, Failure};
use crate::operator::{Heard, Reply, Request, read, write};
use crate::profile::limit_change;
use crate::watchdog::Helper;

/// Between two beats while nobody connects.
const BEAT: Duration = Duration::from_millis(500);

/// Who has connected says what it wants in this time.
const WORD_MAX: Duration = Duration::from_secs(2);

/// The chain hears an order in this time, or it is told that it has not.
const HEARD_MAX: Duration = Duration::from_secs(5);

/// Connections at once; more are closed.
const GUESTS_MAX: usize = 16;

/// The run that is operated.
#[derive(Clone, Debug)]
pub(super) struct About {
    /// What runs.
    pub(super) run: String,
    /// By which profile.
    pub(super) profile: String,
    /// The rule sets by their place, each with its product.
    pub(super) strategies: Vec<(String, String)>,
}

/// What the cold side has seen and said.
#[derive(Debug, Default)]
struct Told {
    /// Orders that the chain has said.
    words: u64,
    /// The last limit that was refused: the number of the order, and why.
    limit_refused: Option<(u64, String)>,
    /// How the run stood, and the question that this answers.
    standing: Option<(u64, Standing)>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Line {
    about: About,
    exchange: Arc<Exchange>,
    told: Mutex<Told>,
    news: Condvar,
    /// Orders that were handed over.
    given: Mutex<u64>,
    /// Questions about how the run stands.
    asked: AtomicU64,
    answered: AtomicU64,
    guests: AtomicUsize,
    is_closed: AtomicBool,
}

impl Line {
    pub(super) fn new(about: About, exchange: Arc<Exchange>) -> Arc<Self> {
        Arc::new(Self {
            about,
            exchange,
            told: Mutex::default(),
            news: Condvar::new(),
            given: Mutex::new(0),
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            guests: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
        })
    }

    /// The rule sets by their place.
    pub(super) fn strategies(&self) -> &[(String, String)] {
        &self.about.strategies
    }

    /// Takes what the chain says: that it heard an order, and that a limit is refused.
    pub(super) fn note(&self, event: &TradeEvent) {
        match event {
            TradeEvent::Ordered(..) => {
                self.told().words += 1;
                self.news.notify_all();
            }
            TradeEvent::Limited(Limited {
                refused: Some(why), ..
            }) => {
                let mut told = self.told();
                told.limit_refused = Some((told.words, why.to_string()));
            }
            _ => {}
        }
    }

    /// Says how the run stands, if somebody asks.
    pub(super) fn answer(&self, standing: impl FnOnce() -> Standing) {
        let asked = self.asked.load(Ordering::Acquire);
        if asked == self.answered.load(Ordering::Relaxed) {
            return;
        }
        self.answered.store(asked, Ordering::Relaxed);
        let standing = standing();
        self.told().standing = Some((asked, standing));
        self.news.notify_all();
    }

    /// The chain takes no more orders.
    fn end(&self) {
        self.is_closed.store(true, Ordering::Release);
        // Who is about to wait has looked, or looks after this.
        drop(self.told());
        self.news.notify_all();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is asked of the run, and what it answers.
    fn serve(&self, request: &Request) -> Reply {
        let words = match self.words(request) {
            Ok(words) => words,
            Err((cause, next)) => {
                let next = next.to_owned();
                return Reply::Refused { cause, next };
            }
        };
        let Some(last) = self.give(words) else {
            return Reply::Unheard;
        };
        match self.wait(|told| (told.words >= last).then_some(())) {
            Some(()) => self.stand(last),
            None => Reply::Unheard,
        }
    }

    /// The orders that a request amounts to.
    fn words(&self, request: &Request) -> Result<Vec<Operator>, (String, &'static str)> {
        let reasoned = |text: &str| {
            let next = "say in a few words what was looked at";
            Reason::new(text).ok_or(("the reason is empty".to_owned(), next))
        };
        Ok(match request {
            Request::Status => vec![],
            Request::Halt => vec![Operator::Halt],
            Request::CancelAll => vec![Operator::CancelAll],
            Request::Flatten => vec![Operator::Flatten],
            Request::Kill => vec![Operator::Kill],
            Request::Resume { reason } => vec![Operator::Resume(reasoned(reason)?)],
            Request::Clear { breaker, reason } => {
                let kind = BreakerKind::ALL.into_iter().find(|it| it.name() == breaker);
                let next = "`undertow resume --help` names them";
                let kind = kind.ok_or((format!("there is no breaker {breaker}"), next))?;
                vec![Operator::Clear(kind, reasoned(reason)?)]
            }
            Request::Close { signal } => {
                let next = "`undertow status` names the signal of each position";
                let id = u64::from_str_radix(signal, 16).ok();
                let id = id.filter(|_| signal.len() == 16);
                let id = id.ok_or((format!("{signal:?} is no signal's 16 hex digits"), next))?;
                vec![Operator::Close(SignalId(id))]
            }
            Request::Disable { strategy, product } => {
                let places = self.places(strategy, product.as_deref())?;
                places.into_iter().map(Operator::Disable).collect()
            }
            Request::Enable { strategy, product } => {
                let places = self.places(strategy, product.as_deref())?;
                places.into_iter().map(Operator::Enable).collect()
            }
            Request::Tighten { limit } => {
                let next = "limits are written as in `[risk]` of a profile, without the quotes";
                vec![Operator::Tighten(
                    limit_change(limit).map_err(|cause| (cause, next))?,
                )]
            }
        })
    }

    /// The rule sets of a name, on one product or on all.
    fn places(
        &self,
        name: &str,
        product: Option<&str>,
    ) -> Result<Vec<StrategyId>, (String, &'static str)> {
        let strategies = (0..).zip(&self.about.strategies);
        let places: Vec<_> = strategies
            .filter(|(_, (own, on))| own == name && product.is_none_or(|it| it == on))
            .map(|(place, _)| StrategyId(place))
            .collect();
        if places.is_empty() {
            let on = product.map_or_else(String::new, |product| format!(" on {product}"));
            let cause = format!("this run has no strategy {name}{on}");
            return Err((cause, "`undertow status` names its strategies"));
        }
        Ok(places)
    }

    /// Hands orders over: the number of the last one, 0 if there is none. None if the chain takes
    /// no more.
    fn give(&self, words: Vec<Operator>) -> Option<u64> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = 0;
        for word in words {
            if !self.exchange.order(word) {
                return None;
            }
            *given += 1;
            last = *given;
        }
        Some(last)
    }

    /// How the run stands after the order of this number.
    fn stand(&self, last: u64) -> Reply {
        let question = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let standing = self.wait(|told| {
            let (_, standing) = told.standing.as_ref().filter(|(of, _)| *of >= question)?;
            let refused = told.limit_refused.as_ref().filter(|(of, _)| *of == last);
            Some((standing.clone(), refused.map(|(_, why)| why.clone())))
        });
        let Some((standing, limit_refused)) = standing else {
            return Reply::Unheard;
        };
        Reply::Heard(Box::new(Heard {
            run: self.about.run.clone(),
            profile: self.about.profile.clone(),
            standing,
            limit_refused,
        }))
    }

    /// Waits until the cold side has told something, the run is over, or too much time has passed.
    fn wait<T>(&self, look: impl Fn(&Told) -> Option<T>) -> Option<T> {
        let until = Instant::now() + HEARD_MAX;
        let mut told = self.told();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match look(&told) {
                Some(found) => return Some(found),
                None if self.is_closed.load(Ordering::Acquire) || left.is_zero() => return None,
                None => {}
            }
            let waited = self.news.wait_timeout(told, left);
            told = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The thread that listens.
#[derive(Debug)]
pub(super) struct Listener {
    line: Arc<Line>,
    path: PathBuf,
    thread: Option<JoinHandle<()>>,
    helper: Arc<Helper>,
}

impl Listener {
    /// Listens at `path` until it is dropped.
    ///
    /// # Errors
    /// Another run listens there, or the system refuses.
    pub(super) fn open(path: &Path, line: Arc<Line>) -> Result<Self, Failure> {
        let listener = bind(path).map_err(|error| refused(path, &error))?;
        let helper = Helper::begin("operator", "no order of the operator is heard");
        let (own, pulse) = (Arc::clone(&line), Arc::clone(&helper));
        let thread = std::thread::spawn(move || {
            while !own.is_closed.load(Ordering::Acquire) {
                pulse.beat();
                if let Some(guest) = next_guest(&listener) {
                    receive(&own, guest);
                }
            }
            pulse.end();
        });
        Ok(Self {
            line,
            path: path.to_owned(),
            thread: Some(thread),
            helper,
        })
    }

    /// The line, for the cold side.
    pub(super) fn line(&self) -> Arc<Line> {
        Arc::clone(&self.line)
    }

    /// The thread, as the watchdog knows it.
    pub(super) fn helper(&self) -> Arc<Helper> {
        Arc::clone(&self.helper)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.line.end();
        // Wakes it; if nobody is there to be woken it has ended already.
        let _ = UnixStream::connect(&self.path);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = fs::remove_file(&self.path);
    }
}

/// Whoever has connected, if somebody does before the next beat is due.
fn next_guest(listener: &UnixListener) -> Option<UnixStream> {
    let mut ready = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(BEAT).unwrap_or(PollTimeout::ZERO);
    let is_ready = poll(&mut ready, timeout).is_ok_and(|count| count > 0);
    if !is_ready {
        return None;
    }
    listener.accept().ok().map(|(guest, _)| guest)
}

/// Hears one guest, on a thread of its own: who says nothing must not keep others from a kill.
fn receive(line: &Arc<Line>, mut guest: UnixStream) {
    if line.guests.fetch_add(1, Ordering::AcqRel) >= GUESTS_MAX {
        line.guests.fetch_sub(1, Ordering::AcqRel);
        return;
    }
    let line = Arc::clone(line);
    std::thread::spawn(move || {
        let _ = converse(&line, &mut guest);
        line.guests.fetch_sub(1, Ordering::AcqRel);
    });
}

/// One request, one answer. A guest that goes away before has nobody to be told.
fn converse(line: &Line, guest: &mut UnixStream) -> io::Result<()> {
    guest.set_nonblocking(false)?;
    guest.set_read_timeout(Some(WORD_MAX))?;
    guest.set_write_timeout(Some(WORD_MAX))?;
    let reply = match read::<Request>(guest) {
        Ok(request) => line.serve(&request),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Reply::Refused {
            cause: format!("not understood: {error}"),
            next: "`undertow help` names the orders; both programs must be of one version".into(),
        },
        Err(error) => return Err(error),
    };
    write(guest, &reply)
}

/// Binds the socket, for its owner alone. One that a run which was killed has left is taken away.
fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left(path) => {
            fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        bound => bound?,
    };
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Whether nobody listens at a socket that is there.
fn is_left(path: &Path) -> bool {
    let refused = UnixStream::connect(path).map_err(|error| error.kind());
    matches!(refused, Err(io::ErrorKind::ConnectionRefused))
}

fn refused(path: &Path, error: &io::Error) -> Failure {
    let cause = match error.kind() {
        io::ErrorKind::AddrInUse => "another run takes its operator's orders here".to_owned(),
        _ => format!("no socket for the operator's orders: {error}"),
    };
    let next = "name another path, on a local disk and shorter than 108 bytes, with \
                --set trade.socket=PATH";
    Failure::new(Code::OPERATOR_LINE, cause, next).at(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use undertow_core::event::Control;
    use undertow_core::types::Nanos;

    fn line() -> (Arc<Line>, Arc<Exchange>) {
        let exchange = Exchange::new(false);
        let about = About {
            run: "a test".to_owned(),
            profile: "paper".to_owned(),
            strategies: vec![("ifd".to_owned(), "NQ".to_owned())],
        };
        (Line::new(about, Arc::clone(&exchange)), exchange)
    }

    /// What the chain is ordered next, once it is.
    fn next(exchange: &Exchange) -> Operator {
        loop {
            match exchange.next_word() {
                Some(Control::Operator(operator)) => return operator,
                Some(other) => panic!("{other:?}"),
                None => std::thread::yield_now(),
            }
        }
    }

    #[test]
    fn r12_a_kill_is_handed_over_while_others_wait_and_each_is_answered_by_its_number() {
        let (line, exchange) = line();
        std::thread::scope(|scope| {
            let status = scope.spawn(|| line.serve(&Request::Status));
            let halt = scope.spawn(|| line.serve(&Request::Halt));
            assert_eq!(next(&exchange), Operator::Halt);
            // Nobody has answered the one or the other.
            let kill = scope.spawn(|| line.serve(&Request::Kill));
            assert_eq!(next(&exchange), Operator::Kill);
            line.note(&TradeEvent::Ordered(Operator::Halt, Nanos(1)));
            let stands = Standing {
                gate: "reduce only".to_owned(),
                ..Standing::default()
            };
            while !(status.is_finished() && halt.is_finished()) {
                line.answer(|| stands.clone());
            }
            for served in [status, halt] {
                let Reply::Heard(heard) = served.join().expect("no panic") else {
                    panic!("not heard");
                };
                assert_eq!(heard.standing, stands);
            }
            assert!(!kill.is_finished(), "the second was not said yet");
            line.end();
            assert_eq!(kill.join().expect("no panic"), Reply::Unheard);
        });
    }

    #[test]
    fn r12_a_refused_limit_is_told_to_whoever_wanted_it_and_to_nobody_else() {
        let (line, exchange) = line();
        let limit = Request::Tighten {
            limit: "losing_trades_max=9".to_owned(),
        };
        std::thread::scope(|scope| {
            let tighten = scope.spawn(|| line.serve(&limit));
            let Operator::Tighten(change) = next(&exchange) else {
                panic!("another order");
            };
            let halt = scope.spawn(|| line.serve(&Request::Halt));
            assert_eq!(next(&exchange), Operator::Halt);
            let refused = undertow_core::risk::LimitError::Raised {
                name: "losing_trades_max",
                from: 3,
                to: 9,
            };
            line.note(&TradeEvent::Ordered(Operator::Tighten(change), Nanos(1)));
            line.note(&TradeEvent::Limited(Limited {
                change,
                from: 3,
                refused: Some(refused),
                ts: Nanos(1),
            }));
            line.note(&TradeEvent::Ordered(Operator::Halt, Nanos(1)));
            while !(tighten.is_finished() && halt.is_finished()) {
                line.answer(Standing::default);
            }
            let refusal = |served: std::thread::ScopedJoinHandle<'_, Reply>| match served
                .join()
                .expect("no panic")
            {
                Reply::Heard(heard) => heard.limit_refused,
                other => panic!("{other:?}"),
            };
            assert!(refusal(tighten).is_some_and(|why| why.contains("restart")));
            assert_eq!(refusal(halt), None);
        });
    }
}
