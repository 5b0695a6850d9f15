public import SV2Codec
public import Units

/// Why nothing more is served to a client. Its connection and what it declares go on.
public enum BaseTemplateServerFault: Error, Hashable, Sendable {
    case malformed(String, CodecError)
    case tooManyRequests
    /// It acknowledged what was never sent.
    case acknowledgedUnsent
}

/// The server of the base-template extension for one client. What all clients share is in a ``BaseTemplateSource``.
///
/// It holds a few numbers: nothing is queued for a client that does not acknowledge, and one that has fallen behind what
/// the source keeps gets the whole list anew once it reads again.
public struct BaseTemplateServer: Sendable {
    public struct Configuration: Hashable, Sendable {
        /// Between two full lists; an earlier request waits.
        public var listInterval = Duration.seconds(4)
        /// Requests in a minute; more are a fault.
        public var maximumRequests = 30

        public init() {}
    }

    public enum Event: Hashable, Sendable {
        /// A frame of this extension (`BaseTemplateMessage.owns`), where it was granted to the client.
        case frame(FrameHeader, [UInt8])
        /// The source has new messages.
        case published
        case woke
    }

    public enum Action: Hashable, Sendable {
        /// Header and payload.
        case send([UInt8])
        /// What a client says of its reason for another list; `nil` for a reason that is not known here.
        case requested(RequestBaseTemplate.Reason?)
        /// The client fell behind, and the list begins anew.
        case fellBehind
        /// A message without use here; once a name.
        case ignored(String)
        /// Nothing is served any more.
        case failed(BaseTemplateServerFault)
        case wake(at: Instant)
    }

    private enum State: Hashable, Sendable {
        /// Nothing is wanted.
        case idle
        /// The list will be sent then.
        case waiting(requestId: UInt32, until: Instant)
        case sending(requestId: UInt32, list: UInt64, sent: Int, acknowledged: Int)
        case following(requestId: UInt32, sent: UInt64, acknowledged: UInt64)
        case failed
    }

    public let configuration: Configuration
    private var state = State.idle
    private var lastList: Instant?
    private var requests: RateBound
    private var ignoredNames: Set<String> = []

    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        requests = RateBound(configuration.maximumRequests, in: .seconds(60))
    }

    /// When `woke` is wanted next.
    public var nextDeadline: Instant? {
        if case .waiting(_, let until) = state { until } else { nil }
    }

    /// Frames on their way without acknowledgement: never more than the larger window.
    var unacknowledged: Int {
        switch state {
        case .idle, .waiting, .failed: 0
        case .sending(_, _, let sent, let acknowledged): sent - acknowledged
        case .following(_, let sent, let acknowledged): Int(sent - acknowledged)
        }
    }

    public mutating func handle(
        _ event: Event, from source: inout BaseTemplateSource, at now: Instant
    ) -> [Action] {
        var actions = [Action]()
        switch event {
        case .frame(let header, let payload): actions = receive(header, payload, from: &source, at: now)
        case .published: break
        case .woke:
            if case .waiting(let requestId, let until) = state, now >= until {
                actions = begin(requestId, from: &source, at: now)
            }
        }
        return actions + sendMore(from: &source, at: now)
    }

    private mutating func receive(
        _ header: FrameHeader, _ payload: [UInt8], from source: inout BaseTemplateSource, at now: Instant
    ) -> [Action] {
        if case .failed = state { return [] }
        let names = BaseTemplateMessage.messageNames
        let name =
            header.msgType < names.count ? names[Int(header.msgType)] : "message \(header.msgType)"
        let message: BaseTemplateMessage?
        do throws(CodecError) {
            message = try BaseTemplateMessage.read(header, payload)
        } catch {
            return fail(.malformed(name, error))
        }
        switch message {
        case .request(let request): return receive(request, from: &source, at: now)
        case .acknowledge(let message): return receive(message)
        case .stop:
            state = .idle
            return []
        case .success, .error, .segment, .delta, .newTip, .constraints, nil:
            return ignoredNames.insert(name).inserted ? [.ignored(name)] : []
        }
    }

    private mutating func fail(_ fault: BaseTemplateServerFault) -> [Action] {
        state = .failed
        return [.failed(fault)]
    }

    private mutating func receive(
        _ request: RequestBaseTemplate, from source: inout BaseTemplateSource, at now: Instant
    ) -> [Action] {
        guard requests.admits(at: now) else { return fail(.tooManyRequests) }
        let notice = Action.requested(RequestBaseTemplate.Reason(rawValue: request.reason))
        guard request.maxVersion >= BaseTemplateExtension.version else {
            return [notice] + refuse(request.requestId, RequestBaseTemplateError.unsupportedVersion)
        }
        return [notice] + beginWhenDue(request.requestId, from: &source, at: now)
    }

    private mutating func refuse(_ requestId: UInt32, _ code: WireText) -> [Action] {
        state = .idle
        let error = RequestBaseTemplateError(requestId: requestId, errorCode: code)
        guard let frame = try? error.frame() else { preconditionFailure("an error is short") }
        return [.send(frame)]
    }

    private mutating func beginWhenDue(
        _ requestId: UInt32, from source: inout BaseTemplateSource, at now: Instant
    ) -> [Action] {
        let due = lastList.map { $0 + configuration.listInterval } ?? now
        guard now < due else { return begin(requestId, from: &source, at: now) }
        state = .waiting(requestId: requestId, until: due)
        return [.wake(at: due)]
    }

    private mutating func begin(
        _ requestId: UInt32, from source: inout BaseTemplateSource, at now: Instant
    ) -> [Action] {
        guard let snapshot = source.snapshot() else {
            return refuse(requestId, RequestBaseTemplateError.noTemplate)
        }
        lastList = now
        state = .sending(requestId: requestId, list: snapshot.sequence, sent: 0, acknowledged: 0)
        return [.send(snapshot.beginning(of: requestId))]
    }

    private mutating func receive(_ message: AcknowledgeBaseTemplate) -> [Action] {
        switch state {
        case .sending(let requestId, let list, let sent, let acknowledged):
            // Of messages before the list, or of another list: on its way when this one began.
            guard message.sequence == list else { return [] }
            guard message.segments <= sent else { return fail(.acknowledgedUnsent) }
            state = .sending(
                requestId: requestId, list: list, sent: sent,
                acknowledged: max(acknowledged, Int(message.segments)))
        case .following(let requestId, let sent, let acknowledged):
            guard message.sequence <= sent else { return fail(.acknowledgedUnsent) }
            state = .following(
                requestId: requestId, sent: sent, acknowledged: max(acknowledged, message.sequence))
        case .idle, .waiting, .failed: break
        }
        return []
    }

    /// Sends what the windows let through.
    private mutating func sendMore(from source: inout BaseTemplateSource, at now: Instant) -> [Action] {
        var actions = sendSegments(from: &source, at: now)
        guard case .following(let requestId, var sent, let acknowledged) = state else { return actions }
        while sent < source.sequence, sent - acknowledged < UInt64(BaseTemplateExtension.messageWindow) {
            guard let frame = source.frame(sent + 1) else {
                // It no longer has what this client needs next. A client that reads has a clear window soon.
                guard sent == acknowledged else { break }
                actions += [.fellBehind] + beginWhenDue(requestId, from: &source, at: now)
                return actions + sendSegments(from: &source, at: now)
            }
            actions.append(.send(frame))
            sent += 1
        }
        state = .following(requestId: requestId, sent: sent, acknowledged: acknowledged)
        return actions
    }

    private mutating func sendSegments(from source: inout BaseTemplateSource, at now: Instant) -> [Action] {
        guard case .sending(let requestId, let list, var sent, let acknowledged) = state else { return [] }
        guard let snapshot = source.snapshot(at: list) else {
            // Others asked later and faster. The next list is a new one, so that this does not come back at once.
            return [.fellBehind] + beginWhenDue(requestId, from: &source, at: now)
        }
        var actions = [Action]()
        while sent < snapshot.segments.count, sent - acknowledged < BaseTemplateExtension.segmentWindow {
            actions.append(.send(snapshot.segments[sent]))
            sent += 1
        }
        state =
            acknowledged == snapshot.segments.count
            ? .following(requestId: requestId, sent: list, acknowledged: list)
            : .sending(requestId: requestId, list: list, sent: sent, acknowledged: acknowledged)
        return actions
    }
}
