import NIOCore
import Testing
import Units

@testable import Transports

@Suite struct AdmissionTests {
    let now = Instant(nanoseconds: 5_000_000_000)

    func network(_ address: String) throws -> PeerNetwork {
        PeerNetwork(try SocketAddress(ipAddress: address, port: 1))
    }

    /// Limits that nobody reaches who does not try.
    var wide: AdmissionLimits {
        var limits = AdmissionLimits()
        (limits.pending, limits.pendingPerNetwork) = (1_000, 1_000)
        limits.connectionsPerNetwork = 1_000
        limits.pace = .init(burst: 10_000, perSecond: 1_000)
        limits.pacePerNetwork = .init(burst: 10_000, perSecond: 1_000)
        return limits
    }

    @Test func `pending peers are bounded for one network, and for all of them together`() throws {
        var limits = AdmissionLimits()
        (limits.pending, limits.pendingPerNetwork) = (5, 2)
        var admission = Admission(limits)
        let (a, b) = (try network("192.0.2.1"), try network("192.0.2.2"))
        for _ in 0..<2 { try admission.arrive(from: a, at: now) }
        #expect(throws: AdmissionRefusal.pendingFromNetwork(limit: 2)) {
            try admission.arrive(from: a, at: now)
        }
        for _ in 0..<2 { try admission.arrive(from: b, at: now) }
        try admission.arrive(from: network("192.0.2.3"), at: now)
        #expect(throws: AdmissionRefusal.pending(limit: 5)) {
            try admission.arrive(from: try network("192.0.2.4"), at: now)
        }
        // Who settles makes room at the door, and so does who leaves it.
        admission.settle(from: a)
        admission.leave(from: b, isSettled: false, at: now)
        #expect(admission.pending == 3)
        #expect(admission.connections == 4)
        for source in [a, b] { try admission.arrive(from: source, at: now) }
        #expect(throws: AdmissionRefusal.pendingFromNetwork(limit: 2)) {
            try admission.arrive(from: a, at: now)
        }
    }

    @Test func `connections are bounded whether settled or not`() throws {
        var limits = wide
        (limits.connections, limits.connectionsPerNetwork) = (4, 3)
        var admission = Admission(limits)
        let a = try network("192.0.2.1")
        for _ in 0..<3 {
            try admission.arrive(from: a, at: now)
            admission.settle(from: a)
        }
        #expect(throws: AdmissionRefusal.connectionsFromNetwork(limit: 3)) {
            try admission.arrive(from: a, at: now)
        }
        try admission.arrive(from: network("192.0.2.2"), at: now)
        #expect(throws: AdmissionRefusal.connections(limit: 4)) {
            try admission.arrive(from: try network("192.0.2.3"), at: now)
        }
        admission.leave(from: a, isSettled: true, at: now)
        try admission.arrive(from: a, at: now)
    }

    @Test func `one network comes in a burst, and then at its pace`() throws {
        var limits = wide
        limits.pacePerNetwork = .init(burst: 3, perSecond: 10)
        var admission = Admission(limits)
        let (a, b) = (try network("192.0.2.1"), try network("192.0.2.2"))
        func come(_ source: PeerNetwork, after time: Duration) throws {
            try admission.arrive(from: source, at: now + time)
            admission.leave(from: source, isSettled: false, at: now + time)
        }
        for _ in 0..<3 { try come(a, after: .zero) }
        #expect(throws: AdmissionRefusal.paceOfNetwork(perSecond: 10)) {
            try come(a, after: .milliseconds(99))
        }
        try come(b, after: .milliseconds(99))
        try come(a, after: .milliseconds(100))
        #expect(throws: AdmissionRefusal.paceOfNetwork(perSecond: 10)) {
            try come(a, after: .milliseconds(199))
        }
        for _ in 0..<3 { try come(a, after: .seconds(9)) }
        #expect(throws: AdmissionRefusal.paceOfNetwork(perSecond: 10)) { try come(a, after: .seconds(9)) }
    }

    @Test func `all networks together come at one pace, and the refused do not count`() throws {
        var limits = wide
        limits.pace = .init(burst: 2, perSecond: 100)
        var admission = Admission(limits)
        for number in 1...2 { try admission.arrive(from: network("192.0.2.\(number)"), at: now) }
        for number in 3...50 {
            #expect(throws: AdmissionRefusal.pace(perSecond: 100)) {
                try admission.arrive(from: try network("192.0.2.\(number)"), at: now)
            }
        }
        try admission.arrive(from: network("192.0.2.51"), at: now + .milliseconds(10))
        #expect(admission.networks == 3)
    }

    @Test func `networks that came and went are forgotten`() throws {
        var limits = wide
        limits.connections = 100
        limits.pacePerNetwork = .init(burst: 64, perSecond: 20)
        var admission = Admission(limits)
        for number in 0..<20_000 {
            let source = try network("10.\(number >> 16).\(number >> 8 & 255).\(number & 255)")
            let time = now + .milliseconds(2) * number
            try admission.arrive(from: source, at: time)
            admission.leave(from: source, isSettled: false, at: time)
            #expect(admission.networks <= 1_025)
        }
        #expect(admission.connections == 0)
    }

    @Test func `an IPv6 customer is one network, and IPv4 in IPv6 form is itself`() throws {
        #expect(try network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff:1:2:3"))
        #expect(try network("2001:db8:1:2::1") != network("2001:db8:1:3::1"))
        #expect(try network("::ffff:192.0.2.1") == network("192.0.2.1"))
        #expect(try network("::ffff:192.0.2.1") != network("::ffff:192.0.2.2"))
        #expect(try network("127.0.0.1") != network("127.0.0.2"))
    }
}
