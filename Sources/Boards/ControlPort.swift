public import Units

/// Speaks the bitaxe-raw control protocol: one request at a time, answered, refused, or given up.
/// Source: boards.md §2.
///
/// The firmware may queue requests, but it looks at a second one in the same USB transfer only when more bytes come;
/// so the next is sent when the last has ended. Late answers to requests given up are recognised by their id.
public struct ControlPort: Sendable {
    public enum Event: Sendable {
        /// Wrong while `isWaiting`.
        case ask(ControlRequest, patience: Duration)
        /// Whatever is being waited for is given up this much later, if not sooner.
        case hurry(Duration)
        case received([UInt8])
        case woke
    }

    public enum Action: Hashable, Sendable {
        case send([UInt8])
        case answered([UInt8])
        case failed(ControlFault)
    }

    private enum State { case idle, waiting(Pending) }

    private struct Pending {
        let request: ControlRequest
        let id: UInt8
        let asked: Instant
        var deadline: Instant
        /// When an answer that may be an error, or the beginning of a success, counts as an error.
        var quiet: (at: Instant, refusal: ControlRefusal)?
        /// The first bytes that were no answer to anything.
        var nonsense: [UInt8] = []
    }

    /// Patience for an ordinary request. Source: boards.md §2.
    public static let patience = Duration.seconds(1)
    /// Requests given up whose answers are still recognised.
    static let abandonedLimit = 8
    /// Bytes kept while waiting for the rest of an answer; the longest answer has 68.
    static let bufferLimit = 512
    /// Bytes of nonsense kept for the operator.
    static let nonsenseLimit = 16
    /// One USB packet arrives as a whole, so the rest of a success would be there by now.
    private static let quietTime = Duration.milliseconds(20)

    private let format: ControlFormat
    private var state = State.idle
    private var buffer: [UInt8] = []
    private var nextID: UInt8 = 0
    private var abandoned: [(request: ControlRequest, id: UInt8)] = []

    public init(_ format: ControlFormat) { self.format = format }

    public var isWaiting: Bool {
        switch state {
        case .idle: false
        case .waiting: true
        }
    }

    /// When `woke` is wanted next; `nil` while nothing is waited for.
    public var wakeAt: Instant? {
        switch state {
        case .idle: nil
        case .waiting(let pending): min(pending.deadline, pending.quiet?.at ?? pending.deadline)
        }
    }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        switch (state, event) {
        case (.idle, .ask(let request, let patience)):
            return ask(request, patience: patience, at: now)
        case (.waiting, .ask):
            preconditionFailure("one control request at a time")
        case (.waiting(var pending), .hurry(let patience)):
            pending.deadline = min(pending.deadline, now + patience)
            state = .waiting(pending)
            return []
        case (.waiting(let pending), .received(let bytes)):
            buffer += bytes.prefix(Self.bufferLimit - buffer.count)
            return read(pending, at: now)
        case (.waiting(let pending), .woke):
            return wake(pending, at: now)
        case (.idle, .hurry), (.idle, .received), (.idle, .woke):
            return []  // an answer to a request given up, or a stale timer
        }
    }

    private mutating func ask(_ request: ControlRequest, patience: Duration, at now: Instant) -> [Action] {
        let id = nextID
        nextID = id &+ 1 == ControlFormat.unparsedID ? 0 : id &+ 1
        buffer.removeAll(keepingCapacity: true)
        state = .waiting(Pending(request: request, id: id, asked: now, deadline: now + patience))
        return [.send(request.wireBytes(id: id))]
    }

    /// Goes through the buffer: answers to requests given up and nonsense are passed over.
    private mutating func read(_ pending: Pending, at now: Instant) -> [Action] {
        var pending = pending
        var rest = buffer[...]
        pending.quiet = nil
        while !rest.isEmpty {
            switch decode(rest, pending: pending) {
            case .ours(.answer(let payload, _)):
                return end([.answered(payload)])
            case .ours(.refusal(let refusal, _)):
                return end([.failed(.refused(refusal))])
            case .ours(.needMore(let refusal)):
                if let refusal { pending.quiet = (now + Self.quietTime, refusal) }
                wait(pending, rest: rest)
                return []
            case .late(let length):
                rest = rest.dropFirst(length)
            case .nonsense, .ours(.skip):
                if pending.nonsense.count < Self.nonsenseLimit {
                    pending.nonsense.append(rest[rest.startIndex])
                }
                rest = rest.dropFirst()
            }
        }
        wait(pending, rest: rest)
        return []
    }

    private enum Front { case ours(DecodedAnswer), late(Int), nonsense }

    private func decode(_ bytes: ArraySlice<UInt8>, pending: Pending) -> Front {
        let ours = format.decode(bytes, request: pending.request, id: pending.id)
        guard case .skip = ours else { return .ours(ours) }
        for (request, id) in abandoned {
            switch format.decode(bytes, request: request, id: id) {
            case .answer(_, let length), .refusal(_, let length): return .late(length)
            case .needMore: return .ours(.needMore(ifQuiet: nil))
            case .skip: continue
            }
        }
        return .nonsense
    }

    private mutating func wait(_ pending: Pending, rest: ArraySlice<UInt8>) {
        buffer = Array(rest)
        state = .waiting(pending)
    }

    private mutating func wake(_ pending: Pending, at now: Instant) -> [Action] {
        if let quiet = pending.quiet, now >= quiet.at { return end([.failed(.refused(quiet.refusal))]) }
        guard now >= pending.deadline else { return [] }
        if abandoned.count == Self.abandonedLimit { abandoned.removeFirst() }
        abandoned.append((pending.request, pending.id))
        let nonsense = pending.nonsense + buffer.prefix(Self.nonsenseLimit - pending.nonsense.count)
        return end([.failed(nonsense.isEmpty ? .silent(for: now - pending.asked) : .nonsense(nonsense))])
    }

    private mutating func end(_ actions: [Action]) -> [Action] {
        buffer.removeAll(keepingCapacity: true)
        state = .idle
        return actions
    }
}

/// Why a control request was not carried out, or not known to be.
public enum ControlFault: Error, Hashable, Sendable {
    case silent(for: Duration)
    case refused(ControlRefusal)
    /// Bytes came, the first of them these, but no answer.
    case nonsense([UInt8])
}
