//! What a node shows of its state is told as it changes.

use squall_node::{Ctx, Driver, DriverInput, Effect, Effects, EventNo, Field, Input};
use squall_node::{Instant, Lineage, Moment, Never, Node, Rules, View};

use crate::rig::{Maps, Word, identity};

/// Shows a leader and a digest, until it is told to stop.
#[derive(Default)]
struct Showing {
    inputs: u64,
}

impl Node for Showing {
    type Message = Word;
    type Timer = Never;
    type Pending = Never;

    fn handle(&mut self, _: &mut Ctx<'_, Self>, _: Input<Self>) {
        self.inputs += 1;
    }

    fn view(&self, out: &mut View) {
        out.set("inputs", self.inputs);
        if self.inputs == 1 {
            out.set("leader", "n1");
            out.replicated("values", 7);
        }
    }
}

#[test]
fn a_value_that_goes_is_told_once() {
    let mut driver = Driver::new(Showing::default(), identity(0), Rules::default());
    let mut told = |input| {
        let at = Moment { now: Instant(0), wall: 0, event: EventNo(0), lineage: Lineage(1) };
        let mut fx = Effects { observing: true, ..Effects::default() };
        driver.step(at, input, &mut Maps::default(), &mut fx);
        let Some(Effect::View(view)) = fx.list.pop() else { panic!("it changed") };
        let fields = view.fields.into_iter().map(|(name, field)| (name.into_owned(), field));
        (fields.collect::<Vec<_>>(), view.replicated)
    };
    let field = |name: &str, field: Field| (name.to_owned(), field);
    let first = told(DriverInput::Start);
    let leader = field("leader", "n1".into());
    assert_eq!(first, (vec![field("inputs", 1_u64.into()), leader], vec![("values", 7)]));
    let gone = ["leader", "values"].map(|name| field(name, Field::Gone));
    let [leader, values] = gone;
    assert_eq!(
        told(DriverInput::Stop),
        (vec![field("inputs", 2_u64.into()), leader, values], vec![])
    );
    assert_eq!(told(DriverInput::Stop), (vec![field("inputs", 3_u64.into())], vec![]));
}
