//! The quorum register of [`super::abd`] in async style. It says the same messages.

use squall_node::task::{AsyncNode, Cx};
use squall_node::{Need, QuorumOutcome, QuorumResult, Sender, View, Wire, code};

use super::abd::{HALF_DONE, LOG, Message, Options, POLICY, Replica, Tag};
use super::kv;

/// The state of the node.
#[derive(Clone, Debug)]
pub struct Abd {
    options: Options,
    replica: Replica,
    life: u32,
}

impl Abd {
    /// The node.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, replica: Replica::default(), life: 0 }
    }
}

/// Why a request ends early.
struct Refused(u64, &'static str);

const NO_MAJORITY: Refused = Refused(code::TIMEOUT, "no majority answered");
const DISK_FULL: Refused = Refused(code::TEMPORARILY_UNAVAILABLE, "the disk is full");

async fn ask(cx: &Cx<Abd>, message: Message) -> Result<QuorumOutcome<Message>, Refused> {
    let members = cx.members();
    let need = Need::Majority(members.to_vec());
    let outcome = cx.call_quorum(&members, message, need, POLICY).await;
    if outcome.result == QuorumResult::Reached { Ok(outcome) } else { Err(NO_MAJORITY) }
}

/// Stores what is newer, durably before anybody is told.
async fn store(cx: &Cx<Abd>, message: &Message) -> Result<(), Refused> {
    let Message::Store { key, tag, value } = message else { return Err(DISK_FULL) };
    if !cx.with(|abd| abd.replica.is_news(key, *tag)) {
        return Ok(());
    }
    let mut record = Vec::new();
    message.encode(&mut record);
    cx.append(LOG, 0, 0, &record).await.map_err(|_| DISK_FULL)?;
    cx.with(|abd| abd.replica.keep(key.clone(), *tag, value.clone()));
    Ok(())
}

async fn read(cx: &Cx<Abd>, key: String) -> Result<kv::Message, Refused> {
    let asked = ask(cx, Message::Query { key: key.clone() }).await?;
    let (tag, value) = cx.with(|abd| abd.replica.latest(&key, &asked.answers));
    let answer = kv::Message::ReadOk { value: value.clone() };
    cx.sometimes(Replica::is_half_done(tag, &asked.answers), HALF_DONE);
    if tag == Tag::default() || !cx.with(|abd| abd.options.write_back) {
        return Ok(answer);
    }
    spread(cx, Message::Store { key, tag, value }).await?;
    Ok(answer)
}

async fn write(cx: &Cx<Abd>, key: String, value: String) -> Result<kv::Message, Refused> {
    let asked = ask(cx, Message::Query { key: key.clone() }).await?;
    let me = cx.me();
    let tag = cx.with(|abd| {
        let (latest, _) = abd.replica.latest(&key, &asked.answers);
        abd.replica.next_tag(latest, me, abd.life)
    });
    spread(cx, Message::Store { key, tag, value }).await?;
    Ok(kv::Message::WriteOk)
}

async fn spread(cx: &Cx<Abd>, message: Message) -> Result<(), Refused> {
    store(cx, &message).await?;
    ask(cx, message).await?;
    Ok(())
}

impl AsyncNode for Abd {
    type Message = Message;

    async fn start(cx: Cx<Self>) {
        let life = cx.incarnation();
        cx.with(|abd| abd.life = life);
        let Ok(records) = cx.read_all(LOG).await else { return };
        cx.with(|abd| records.iter().for_each(|record| abd.replica.load(&record.payload)));
    }

    async fn handle(cx: Cx<Self>, from: Sender, body: Message) {
        let done = match body {
            Message::Kv(kv::Message::Read { key }) => read(&cx, key).await.map(Message::Kv),
            Message::Kv(kv::Message::Write { key, value }) => {
                write(&cx, key, value).await.map(Message::Kv)
            }
            Message::Kv(_) => {
                Err(Refused(code::NOT_SUPPORTED, "this register can read and write only"))
            }
            Message::Query { key } => Ok(cx.with(|abd| abd.replica.held(&key))),
            Message::Store { .. } => store(&cx, &body).await.map(|()| Message::Stored),
            Message::Held { .. } | Message::Stored => return,
        };
        match done {
            Ok(answer) => cx.reply(from, answer),
            Err(Refused(code, text)) => cx.refuse(from, code, text),
        }
    }

    fn view(&self, out: &mut View) {
        out.set("keys", self.replica.keys());
    }
}
