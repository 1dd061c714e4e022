//! The one rule of composition.
//!
//! A [`Stage`] is plain state with two handlers: data in, data out; control in, data out. It
//! does not know its thread, its neighbours or the time. [`Stage::then`] makes one stage of two,
//! linked by a call that the compiler inlines; a ring (see [`crate::ring`]) links the same two
//! across tiles. Both orders of events are the same, so the outputs are the same, byte for byte:
//!
//! * control is passed on by the wiring **after** the stage has seen it and emitted what it
//!   causes;
//! * whatever a message causes inherits its stamp;
//! * an input is taken only when the sink has room for all that it may cause, so no stage has a
//!   "full" branch.

use crate::event::{Body, Control, Msg, Stamp};

/// No stage emits more for one input; a link that has room for more need not ask its reader.
pub(crate) const BURST_MAX: usize = 15;

/// Where messages come from: a ring, a file, a session, a simulator.
pub trait Source<T> {
    /// Hands the next message to `to`, if there is one now, and says whether there was.
    ///
    /// It is handed over, not returned, so that a record goes from where it is read straight
    /// into the chain: an enum that holds a record or a control message would be written to
    /// memory field by field and read back whole, which stalls the processor at every message.
    fn take(&mut self, to: &mut impl Sink<T>) -> bool;

    /// Hands over as many messages as are there now, `batch_max` at most, while `to` has room,
    /// and says how many. A source that can hand over many at less cost than one by one does.
    #[inline(always)]
    fn drain(&mut self, to: &mut impl Sink<T>, batch_max: usize) -> usize {
        for taken in 0..batch_max {
            if to.room() == 0 {
                return taken;
            }
            to.hint(|ahead| self.look_ahead(ahead));
            if !self.take(to) {
                return taken;
            }
        }
        batch_max
    }

    /// The message that is `ahead` messages behind the next, if it is data that lies there
    /// already. It may be wrong or absent at any time, so it serves for hints only.
    #[inline(always)]
    fn look_ahead(&self, _ahead: usize) -> Option<T> {
        None
    }
}

/// Where messages go: a ring, a gateway, the stages that follow, a test's vector.
pub trait Sink<T> {
    /// How many messages will be taken without loss or wait.
    fn room(&mut self) -> usize;

    /// Takes data. Called only within [`Sink::room`].
    fn data(&mut self, stamp: Stamp, data: &T);

    /// Takes control. Called only within [`Sink::room`].
    fn control(&mut self, stamp: Stamp, control: &Control);

    /// Hears what comes next: see [`Stage::hint`].
    #[inline(always)]
    fn hint(&mut self, _coming: impl Fn(usize) -> Option<T>) {}

    /// Takes a whole message.
    fn put(&mut self, msg: &Msg<T>) {
        match &msg.body {
            Body::Data(data) => self.data(msg.stamp, data),
            Body::Control(control) => self.control(msg.stamp, control),
        }
    }
}

/// Where a handler puts its outputs; the wiring adds the stamp.
pub trait Emit<T> {
    /// Emits one output.
    fn emit(&mut self, output: &T);
}

/// A pure step of the chain.
pub trait Stage: Sized {
    /// What it takes.
    type In;
    /// What it makes.
    type Out;

    /// The most outputs that one input, data or control, may cause: at most 15.
    const BURST: usize;

    /// Handles one datum.
    fn on_data(&mut self, input: &Self::In, out: &mut impl Emit<Self::Out>);

    /// Handles one control message. The wiring passes it on afterwards.
    fn on_control(&mut self, control: &Control, out: &mut impl Emit<Self::Out>);

    /// Lets the stage call for its memory early. `coming` looks so many messages ahead (see
    /// [`Source::look_ahead`]); whether to look, and how far, is the stage's choice. Changes
    /// nothing that can be seen.
    #[inline(always)]
    fn hint(&mut self, _coming: impl Fn(usize) -> Option<Self::In>) {}

    /// Called now and then while there is nothing to do. A stage that is seldom needed goes over what
    /// it would do then, so that its code and its memory are near when it is. Changes nothing that
    /// can be seen, and emits nothing: `O` is what it would emit to, for with another the code would be
    /// another.
    #[inline(always)]
    fn rehearse<O: Emit<Self::Out>>(&mut self) {}

    /// This stage, and then `next`, as one.
    fn then<B: Stage<In = Self::Out>>(self, next: B) -> Then<Self, B> {
        Then {
            first: self,
            second: next,
        }
    }
}

/// Two stages fused: the second is called where the first emits.
#[derive(Clone, Debug)]
pub struct Then<A, B> {
    /// Sees each input first.
    pub first: A,
    /// Sees what the first emits.
    pub second: B,
}

impl<A: Stage, B: Stage<In = A::Out>> Stage for Then<A, B> {
    type In = A::In;
    type Out = B::Out;

    // On control both may speak: each output of the first goes through the second, which then
    // has its own say.
    const BURST: usize = (A::BURST + 1) * B::BURST;

    #[inline(always)]
    fn hint(&mut self, coming: impl Fn(usize) -> Option<A::In>) {
        self.first.hint(coming);
    }

    #[inline(always)]
    fn rehearse<O: Emit<B::Out>>(&mut self) {
        self.first.rehearse::<Into<'_, B, O>>();
        self.second.rehearse::<O>();
    }

    #[inline(always)]
    fn on_data(&mut self, input: &A::In, out: &mut impl Emit<B::Out>) {
        self.first.on_data(
            input,
            &mut Into {
                stage: &mut self.second,
                out,
            },
        );
    }

    #[inline(always)]
    fn on_control(&mut self, control: &Control, out: &mut impl Emit<B::Out>) {
        self.first.on_control(
            control,
            &mut Into {
                stage: &mut self.second,
                out,
            },
        );
        self.second.on_control(control, out);
    }
}

/// The call that links two fused stages.
struct Into<'a, S, O> {
    stage: &'a mut S,
    out: &'a mut O,
}

impl<S: Stage, O: Emit<S::Out>> Emit<S::In> for Into<'_, S, O> {
    #[inline(always)]
    fn emit(&mut self, output: &S::In) {
        self.stage.on_data(output, self.out);
    }
}

/// A stage and the sink behind it, as the sink that a source hands messages to: the whole
/// wiring.
#[derive(Debug)]
pub struct Through<'a, S, K> {
    /// Sees each message first.
    pub stage: &'a mut S,
    /// Takes what the stage emits, and then the control that it has seen.
    pub sink: &'a mut K,
}

impl<S: Stage, K: Sink<S::Out>> Through<'_, S, K> {
    /// Lets the stage rehearse: see [`Stage::rehearse`].
    #[inline(always)]
    pub fn rehearse(&mut self) {
        self.stage.rehearse::<Stamped<'_, K>>();
    }
}

impl<S: Stage, K: Sink<S::Out>> Sink<S::In> for Through<'_, S, K> {
    #[inline(always)]
    fn room(&mut self) -> usize {
        // Else a link with less room than the burst would take that for an answer, and wait.
        const { assert!(S::BURST <= BURST_MAX) };
        // One more than the burst is kept back, for control itself is passed on too.
        self.sink.room().saturating_sub(S::BURST)
    }

    #[inline(always)]
    fn hint(&mut self, coming: impl Fn(usize) -> Option<S::In>) {
        self.stage.hint(coming);
    }

    #[inline(always)]
    fn data(&mut self, stamp: Stamp, data: &S::In) {
        let sink = &mut *self.sink;
        self.stage.on_data(data, &mut Stamped { stamp, sink });
    }

    #[inline(always)]
    fn control(&mut self, stamp: Stamp, control: &Control) {
        let sink = &mut *self.sink;
        self.stage.on_control(control, &mut Stamped { stamp, sink });
        self.sink.control(stamp, control);
    }
}

/// Puts a stage's outputs into a sink under the stamp of the input that caused them.
struct Stamped<'a, K> {
    stamp: Stamp,
    sink: &'a mut K,
}

impl<T, K: Sink<T>> Emit<T> for Stamped<'_, K> {
    #[inline(always)]
    fn emit(&mut self, output: &T) {
        self.sink.data(self.stamp, output);
    }
}

/// Moves at most `batch_max` messages from `source` through `stage` into `sink`, as many as are
/// there and as the sink has room for. Returns how many it took.
#[inline(always)]
pub fn turn<S: Stage>(
    source: &mut impl Source<S::In>,
    stage: &mut S,
    sink: &mut impl Sink<S::Out>,
    batch_max: usize,
) -> usize {
    source.drain(&mut Through { stage, sink }, batch_max)
}

/// A stage that passes everything on: the empty chain, and the ingress tile of a cut layout.
#[derive(Clone, Copy, Debug)]
pub struct Pass<T>(core::marker::PhantomData<T>);

impl<T> Pass<T> {
    /// The stage that does nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(core::marker::PhantomData)
    }
}

impl<T> Default for Pass<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Stage for Pass<T> {
    type In = T;
    type Out = T;
    const BURST: usize = 1;

    #[inline(always)]
    fn on_data(&mut self, input: &T, out: &mut impl Emit<T>) {
        out.emit(input);
    }

    #[inline(always)]
    fn on_control(&mut self, _control: &Control, _out: &mut impl Emit<T>) {}
}
