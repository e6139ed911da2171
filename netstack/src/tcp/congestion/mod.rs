//! How many bytes may fly. CUBIC, DCTCP and BBR join Reno here.

mod reno;

pub(crate) use reno::Reno;

/// What a congestion control sees and answers. Windows are in bytes.
pub(crate) trait Controller {
    /// How many bytes may be in flight.
    fn cwnd(&self) -> u32;
    fn ssthresh(&self) -> u32;
    /// New data were acknowledged outside of recovery; `limited`: the window, not the application, held us back.
    fn on_ack(&mut self, acked: u32, limited: bool);
    /// Three duplicate ACKs: recovery starts with `flight` bytes out.
    fn on_loss(&mut self, flight: u32);
    /// A duplicate ACK in recovery: a segment has left the network.
    fn on_duplicate_ack(&mut self);
    /// An ACK in recovery that does not end it.
    fn on_partial_ack(&mut self, acked: u32);
    /// Recovery is over, with `flight` bytes out.
    fn on_recovered(&mut self, flight: u32);
    /// The retransmission timer fired with `flight` bytes out; `again`: for the same data.
    fn on_timeout(&mut self, flight: u32, again: bool);
    /// Nothing was sent for longer than an RTO.
    fn on_idle(&mut self);
}
