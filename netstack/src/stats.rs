//! Counters, named as in `nstat`.

macro_rules! counters {
    ($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $linux:literal,)* }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name { $($(#[$doc])* pub $field: u64,)* }

        impl $name {
            /// Each counter with its name in `nstat`, or our own where Linux has none.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($linux, self.$field),)*].into_iter()
            }
        }

        /// The counts of several cores add up.
        impl core::ops::AddAssign for $name {
            fn add_assign(&mut self, other: $name) {
                $(self.$field += other.$field;)*
            }
        }
    };
}

counters! {
    /// What the stack has seen. Counts only grow.
    Stats {
        /// Frames received.
        in_frames: "InFrames",
        /// Frames dropped: too short, a wrong length, an unknown EtherType.
        in_frame_errors: "InFrameErrors",
        /// Frames for another station.
        in_other_host: "InOtherHost",
        /// ARP packets received.
        arp_in: "ArpIn",
        /// ARP packets dropped: malformed, or an address that can't be.
        arp_in_errors: "ArpInErrors",
        /// ARP packets sent.
        arp_out: "ArpOut",
        /// Packets dropped while they waited for a neighbour's address (queue full, or no answer).
        neighbor_unresolved_discards: "NeighUnresolvedDiscards",
        /// Neighbours that did not answer.
        neighbor_failed: "NeighFailed",
        /// IP packets received.
        ip_in_receives: "IpInReceives",
        /// IP packets with a malformed header or a wrong header checksum.
        ip_in_hdr_errors: "IpInHdrErrors",
        /// IP packets for an address that is not ours, or from one that can't send.
        ip_in_addr_errors: "IpInAddrErrors",
        /// IP packets of a protocol that nobody handles.
        ip_in_unknown_protos: "IpInUnknownProtos",
        /// Fragments received: dropped, since reassembly comes later.
        ip_reasm_fails: "IpReasmFails",
        /// IP packets shorter than their header says.
        ip_in_truncated: "IpInTruncatedPkts",
        /// IP packets delivered to the layer above.
        ip_in_delivers: "IpInDelivers",
        /// IP packets received without ECN.
        in_no_ect_pkts: "IpExtInNoECTPkts",
        /// IP packets received with ECT(1).
        in_ect1_pkts: "IpExtInECT1Pkts",
        /// IP packets received with ECT(0).
        in_ect0_pkts: "IpExtInECT0Pkts",
        /// IP packets received with a congestion mark.
        in_ce_pkts: "IpExtInCEPkts",
        /// IP packets sent.
        ip_out_requests: "IpOutRequests",
        /// IP packets that had no route.
        ip_out_no_routes: "IpOutNoRoutes",
        /// IP packets not sent because they were too long, or had no room for their headers.
        ip_out_discards: "IpOutDiscards",
        /// Packets not sent for want of a buffer.
        out_no_buffers: "OutNoBuffers",
        /// ICMP messages received.
        icmp_in_msgs: "IcmpInMsgs",
        /// ICMP messages dropped: malformed, or a wrong checksum.
        icmp_in_errors: "IcmpInErrors",
        /// Probes of a path's MTU that arrived.
        mtup_success: "TcpExtTCPMTUPSuccess",
        /// Probes of a path's MTU that were lost.
        mtup_fail: "TcpExtTCPMTUPFail",
        /// ICMP errors about a number that is not out there.
        out_of_window_icmps: "TcpExtOutOfWindowIcmps",
        /// ICMP messages sent.
        icmp_out_msgs: "IcmpOutMsgs",
        /// ICMP messages not sent because of the rate limit.
        icmp_out_ratelimit_global: "IcmpOutRateLimitGlobal",
        /// Active openings.
        tcp_active_opens: "TcpActiveOpens",
        /// Passive openings.
        tcp_passive_opens: "TcpPassiveOpens",
        /// Openings that failed.
        tcp_attempt_fails: "TcpAttemptFails",
        /// Open connections that were reset.
        tcp_estab_resets: "TcpEstabResets",
        /// Segments received.
        tcp_in_segs: "TcpInSegs",
        /// Segments dropped: malformed.
        tcp_in_errs: "TcpInErrs",
        /// Segments dropped: wrong checksum.
        tcp_in_csum_errors: "TcpInCsumErrors",
        /// Segments with an option whose length can't be; what stands before it counts.
        tcp_bad_options: "TcpInBadOptions",
        /// Segments sent.
        tcp_out_segs: "TcpOutSegs",
        /// Segments sent again.
        tcp_retrans_segs: "TcpRetransSegs",
        /// RSTs sent.
        tcp_out_rsts: "TcpOutRsts",
        /// Third ACKs dropped because the accept queue was full.
        listen_overflows: "TcpExtListenOverflows",
        /// SYNs and third ACKs dropped by listeners for any reason.
        listen_drops: "TcpExtListenDrops",
        /// SYNs that found the SYN queue full: they, or the oldest half-open connections in their place, were dropped.
        req_q_full_drop: "TcpExtTCPReqQFullDrop",
        /// SYNs that found the SYN queue full and were answered by a cookie.
        req_q_full_do_cookies: "TcpExtTCPReqQFullDoCookies",
        /// SYN cookies sent.
        syncookies_sent: "TcpExtSyncookiesSent",
        /// SYN cookies that came back.
        syncookies_recv: "TcpExtSyncookiesRecv",
        /// ACKs that could have brought a cookie back and did not.
        syncookies_failed: "TcpExtSyncookiesFailed",
        /// Fast Open, client: SYNs whose data were acknowledged by the SYN-ACK.
        fast_open_active: "TcpExtTCPFastOpenActive",
        /// Fast Open, client: SYNs with data that had to go out again without, or whose data had to.
        fast_open_active_fail: "TcpExtTCPFastOpenActiveFail",
        /// Fast Open, server: connections made by a SYN with a cookie.
        fast_open_passive: "TcpExtTCPFastOpenPassive",
        /// Fast Open, server: SYNs with a cookie that is not ours.
        fast_open_passive_fail: "TcpExtTCPFastOpenPassiveFail",
        /// Fast Open, server: SYNs with a cookie by the key before.
        fast_open_passive_alt_key: "TcpExtTCPFastOpenPassiveAltKey",
        /// Fast Open, server: SYNs that found no room in the listener's queue for it.
        fast_open_listen_overflow: "TcpExtTCPFastOpenListenOverflow",
        /// Fast Open, server: SYNs that asked for a cookie.
        fast_open_cookie_reqd: "TcpExtTCPFastOpenCookieReqd",
        /// Half-open connections that the peer ended by a RST.
        embryonic_rsts: "TcpExtEmbryonicRsts",
        /// SYNs and SYN-ACKs sent again.
        syn_retrans: "TcpExtTCPSynRetrans",
        /// Segments for half-open connections that were not answered because of `tcp_invalid_ratelimit`.
        ack_skipped_syn_recv: "TcpExtTCPACKSkippedSynRecv",
        /// TIME-WAIT records that lived to their end.
        time_wait: "TcpExtTW",
        /// TIME-WAIT records re-used by a new SYN, the peer's or ours.
        time_wait_recycled: "TcpExtTWRecycled",
        /// TIME-WAIT records not made because of `tcp_max_tw_buckets`.
        time_wait_overflow: "TcpExtTCPTimeWaitOverflow",
        /// ACKs that were delayed.
        delayed_acks: "TcpExtDelayedACKs",
        /// Segments received by the fast path.
        tcp_hp_hits: "TcpExtTCPHPHits",
        /// Segments dropped by PAWS.
        paws_estab: "TcpExtPAWSEstab",
        /// Old ACKs dropped by PAWS without an answer.
        paws_old_ack: "TcpExtPAWSOldAck",
        /// Answers to a SYN dropped because they echo the timestamp of another.
        paws_active: "TcpExtPAWSActive",
        /// Data that arrived out of order and was kept, in segments.
        ofo_queue: "TcpExtTCPOFOQueue",
        /// Segments out of order that were dropped for want of room.
        ofo_drop: "TcpExtTCPOFODrop",
        /// Segments out of order of which all, or all of a segment in hand, had arrived before.
        ofo_merge: "TcpExtTCPOFOMerge",
        /// Times that room was made by dropping what had arrived out of order.
        prune_called: "TcpExtPruneCalled",
        /// Times that data out of order were dropped for it.
        ofo_pruned: "TcpExtOfoPruned",
        /// Segments dropped because even that gave no room.
        rcv_pruned: "TcpExtRcvPruned",
        /// Segments that arrived although they were acknowledged: the ACK was lost, or its delay too long.
        delayed_ack_lost: "TcpExtDelayedACKLost",
        /// Duplicates before `rcv_nxt` told by DSACK.
        dsack_old_sent: "TcpExtTCPDSACKOldSent",
        /// Duplicates among data out of order told by DSACK.
        dsack_ofo_sent: "TcpExtTCPDSACKOfoSent",
        /// Segments dropped because the receive buffer was full.
        rcv_q_drop: "TcpExtTCPRcvQDrop",
        /// Times the whole retransmission queue was resent after a time-out.
        timeouts: "TcpExtTCPTimeouts",
        /// Fast retransmissions.
        fast_retrans: "TcpExtTCPFastRetrans",
        /// Segments sent again while a time-out was repaired.
        slow_start_retrans: "TcpExtTCPSlowStartRetrans",
        /// Reductions undone after a time-out that was none.
        loss_undo: "TcpExtTCPLossUndo",
        /// Reductions undone by timestamps, when all of a window was acknowledged.
        full_undo: "TcpExtTCPFullUndo",
        /// Reductions undone by timestamps, in the middle of a window.
        partial_undo: "TcpExtTCPPartialUndo",
        /// Reductions undone by DSACKs.
        dsack_undo: "TcpExtTCPDSACKUndo",
        /// Time-outs found spurious by F-RTO.
        spurious_rtos: "TcpExtTCPSpuriousRTOs",
        /// Reordering found by SACK blocks.
        sack_reorder: "TcpExtTCPSACKReorder",
        /// Reordering found by timestamps.
        ts_reorder: "TcpExtTCPTSReorder",
        /// DSACKs received for data in order.
        dsack_recv: "TcpExtTCPDSACKRecv",
        /// DSACKs received for data out of order.
        dsack_ofo_recv: "TcpExtTCPDSACKOfoRecv",
        /// DSACKs that can't be.
        dsack_ignored_dubious: "TcpExtTCPDSACKIgnoredDubious",
        /// SACK blocks dropped because they can't be.
        sack_discard: "TcpExtTCPSACKDiscard",
        /// Times that a peer dropped what it had SACKed.
        sack_reneging: "TcpExtTCPSACKReneging",
        /// Segments of ours whose ACK told of a congestion mark.
        delivered_ce: "TcpExtTCPDeliveredCE",
        /// Tail loss probes sent.
        loss_probes: "TcpExtTCPLossProbes",
        /// Losses that a tail loss probe has repaired.
        loss_probe_recovery: "TcpExtTCPLossProbeRecovery",
        /// Recoveries by SACK.
        sack_recovery: "TcpExtTCPSackRecovery",
        /// Recoveries by NewReno.
        reno_recovery: "TcpExtTCPRenoRecovery",
        /// Zero-window probes sent.
        win_probe: "TcpExtTCPWinProbe",
        /// Keep-alive probes sent.
        keep_alive: "TcpExtTCPKeepAlive",
        /// Connections dropped because retries ran out.
        abort_on_timeout: "TcpExtTCPAbortOnTimeout",
        /// Connections closed with unread data: RST.
        abort_on_close: "TcpExtTCPAbortOnClose",
        /// Connections reset because data arrived after the application had closed, or closed by a SO_LINGER of 0.
        abort_on_data: "TcpExtTCPAbortOnData",
        /// Connections dropped because there were too many orphans or no memory.
        abort_on_memory: "TcpExtTCPAbortOnMemory",
        /// Orphans reset because TCP_LINGER2 allows no FIN-WAIT-2.
        abort_on_linger: "TcpExtTCPAbortOnLinger",
        /// RSTs of connections not sent for want of a buffer, or because too many wait for the device.
        abort_failed: "TcpExtTCPAbortFailed",
        /// Challenge ACKs sent (RFC 5961).
        challenge_ack: "TcpExtTCPChallengeACK",
        /// SYNs in a connection.
        syn_challenge: "TcpExtTCPSYNChallenge",
        /// Likewise: to what PAWS drops.
        ack_skipped_paws: "TcpExtTCPACKSkippedPAWS",
        /// Likewise: to segments out of the window.
        ack_skipped_seq: "TcpExtTCPACKSkippedSeq",
        /// Likewise: to an orphan in FIN-WAIT-2.
        ack_skipped_fin_wait2: "TcpExtTCPACKSkippedFinWait2",
        /// Likewise: in TIME-WAIT.
        ack_skipped_time_wait: "TcpExtTCPACKSkippedTimeWait",
        /// Likewise: challenge ACKs.
        ack_skipped_challenge: "TcpExtTCPACKSkippedChallenge",
        /// Segments dropped because they acknowledge what was never sent.
        ack_unsent_data: "TcpAckUnsentData",
        /// Segments dropped because their ACK is older than any that can be on its way.
        too_old_ack: "TcpTooOldAck",
        /// Data that did not fit because the window was shut.
        zero_window_drop: "TcpExtTCPZeroWindowDrop",
        /// RSTs ignored because they were not exactly at `rcv_nxt`.
        rst_ignored: "TcpExtTCPRstIgnored",
        /// Payload bytes copied in behind headers on sending.
        tx_copied_bytes: "TxCopiedBytes",
        /// Payload bytes copied on reading or for keeping.
        rx_copied_bytes: "RxCopiedBytes",
    }
}
