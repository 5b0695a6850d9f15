// Fuzz entry for the client core of mining, fed with what a pool may send. Its modules are built apart with the same
// sanitizers and linked to it: CSHA256d, Units, BitcoinPrimitives, SV2Codec, SV2Messages, SV2Roles.
//
// Input: one byte that chooses the client's configuration, then steps of a byte and what the step reads: a message of the
// pool (honest, or changed on its way), something that the owner wants, time that passes, or a lost connection. Whatever
// comes, the core must end, must not trap, must settle each share and custom job once at most, and must keep its bounds.

import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import Units

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    var run = MiningClientRun(choice: input.byte())
    for _ in 0..<1_024 where !input.isOver { run.step(&input) }
    return 0
}

private let kinds = kindsInOrder(of: MiningMessage.self)

private struct MiningClientRun {
    /// What the other side takes of one message. Source: sv2-notes §15.
    private static let serverLimit = 128 << 10

    private let configuration: MiningClient.Configuration
    private var client: MiningClient
    private var now = Instant(nanoseconds: 0)
    private var timers = Timers()
    private var isOver = false

    // What the client said and has had no answer to.
    private var opens: [(requestId: UInt32, kind: ChannelKind, ticket: UInt64)] = []
    private var openTicket: UInt64 = 0
    private var customJobs: [UInt64: UInt32] = [:]
    private var requests: [(channelId: UInt32, requestId: UInt32)] = []
    /// The channel of each share by its ticket.
    private var shares: [UInt64: UInt32] = [:]
    private var lastSequence: [UInt32: UInt32] = [:]
    private var lastTicket: UInt64 = 0
    private var jobs: [PoolJob] = []
    private var lastChannelId: UInt32 = 1

    init(choice: UInt8) {
        let identity = ClientIdentity(
            endpointHost: "pool.example", endpointPort: 3333, vendor: "Adit", hardwareVersion: "",
            firmware: "")
        var configuration = MiningClient.Configuration(
            identity: identity, userIdentity: "u", nominalHashRate: HashRate(hashesPerSecond: 1e12),
            minimumExtranonceSize: 4)
        let works: [(MiningClient.Work, ChannelKind)] = [
            (.composed, .extended), (.pool, .extended), (.pool, .standard), (.poolStandardOnly, .standard),
        ]
        (configuration.work, configuration.channelKind) = works[Int(choice % 4)]
        configuration.wantsWorkerNames = choice & 4 != 0
        configuration.requiresVersionRolling = choice & 8 != 0
        self.configuration = configuration
        client = MiningClient(configuration)
        tell(.connected)
        if choice & 16 != 0 {
            tell(.received(.common(.setupConnectionSuccess(.init(usedVersion: 2, flags: 0)))))
        }
    }

    mutating func step(_ input: inout FuzzInput) {
        let choice = input.byte() % 40
        switch choice {
        case 0...23: arrive(input.arriving(message(choice, &input))?.message)
        case 24: arrive(input.anything(kinds, as: MiningMessage.self)?.message)
        case 25...31: own(choice, &input)
        case 32...34: pass(until: timers.first ?? now + .seconds(1))
        case 35...37: pass(until: now + .milliseconds(Int64(input.byte()) * 20))
        case 38: tell(.woke)
        case _: reconnect()
        }
    }

    private mutating func arrive(_ message: MiningMessage?) {
        if let message { tell(.received(message)) }
    }

    private mutating func reconnect() {
        var next = configuration
        next.reconnects = client.reconnects
        client = MiningClient(next)
        (timers, isOver, opens, customJobs, requests, shares) = (Timers(), false, [], [:], [], [:])
        (lastSequence, jobs, lastChannelId, openTicket) = ([:], [], 1, 0)
        tell(.connected)
    }

    private mutating func pass(until instant: Instant) {
        now = max(now, instant)
        guard timers.fire(at: now) else { return }
        tell(.woke)
        precondition(client.nextDeadline.map { $0 > now } ?? true, "no deadline stays in the past")
    }

    // MARK: The pool

    private mutating func message(_ choice: UInt8, _ input: inout FuzzInput) -> MiningMessage {
        let addresses: [UInt32] = client.channels.flatMap { [$0.channelId, $0.groupChannelId] }
        let channelId = input.pick(addresses) ?? 0
        switch choice {
        case 0: return .common(.setupConnectionSuccess(.init(usedVersion: 2, flags: UInt32(input.below(4)))))
        case 1: return .common(.setupConnectionError(.init(flags: 0, errorCode: "no")))
        case 2:
            let granted: [UInt16] = input.byte() & 1 == 0 ? [2] : [9]
            return .common(
                .requestExtensionsSuccess(
                    .init(requestId: 1 + UInt16(input.below(2)), supportedExtensions: granted)))
        case 3:
            return .common(
                .requestExtensionsError(
                    .init(
                        requestId: 1 + UInt16(input.below(2)), unsupportedExtensions: [],
                        requiredExtensions: [[], [2], [9]][input.below(3)])))
        case 4, 5, 6: return opened(&input)
        case 7:
            return .openMiningChannelError(
                .init(requestId: opens.first?.requestId ?? 1, errorCode: "no\u{7}"))
        case 8:
            return .newMiningJob(
                .init(
                    channelId: channelId, jobId: input.id(), minNtime: input.byte() & 1 == 0 ? nil : 5,
                    version: 4,
                    merkleRoot: .zero))
        case 9, 10: return extendedJob(channelId, &input)
        case 11, 12:
            return .setNewPrevHash(
                .init(
                    channelId: channelId, jobId: input.id(), prevHash: input.byte() & 1 == 0 ? .zero : .max,
                    minNtime: 5, nbits: 0x207f_ffff))
        case 13: return .setTarget(.init(channelId: channelId, maximumTarget: .max))
        case 14:
            let prefix = input.bytes(input.below(8))
            return .setExtranoncePrefix(.init(channelId: channelId, extranoncePrefix: prefix))
        case 15:
            return .setGroupChannel(.init(groupChannelId: input.id(), channelIds: [channelId, input.id()]))
        case 16: return .closeChannel(.init(channelId: channelId, reasonCode: "bye"))
        case 17:
            let asked = requests.first ?? (channelId, 1)
            return .setCustomMiningJobSuccess(
                .init(channelId: asked.channelId, requestId: asked.requestId, jobId: input.id()))
        case 18:
            let asked = requests.last ?? (channelId, 1)
            return .setCustomMiningJobError(
                .init(channelId: asked.channelId, requestId: asked.requestId, errorCode: "no"))
        case 19, 20:
            return .submitSharesSuccess(
                .init(
                    channelId: channelId, lastSequenceNumber: input.id(), newSubmitsAcceptedCount: 1,
                    newSharesSum: 1))
        case 21:
            return .submitSharesError(
                .init(channelId: channelId, sequenceNumber: input.id(), errorCode: "no"))
        case 22: return .updateChannelError(.init(channelId: channelId, errorCode: "no"))
        case _:
            let hosts: [WireText] = ["", "other.example", "10.0.0.1", "::1"]
            return .common(.reconnect(.init(newHost: hosts[input.below(4)], newPort: 0)))
        }
    }

    private mutating func opened(_ input: inout FuzzInput) -> MiningMessage {
        let open = opens.first ?? (1, configuration.channelKind, 0)
        lastChannelId += 1
        switch open.kind {
        case .standard:
            return .openStandardMiningChannelSuccess(
                .init(
                    requestId: open.requestId, channelId: lastChannelId, target: .max,
                    extranoncePrefix: [UInt8](repeating: 1, count: 8), groupChannelId: 1))
        case .extended:
            return .openExtendedMiningChannelSuccess(
                .init(
                    requestId: open.requestId, channelId: lastChannelId, target: .max, extranonceSize: 4,
                    extranoncePrefix: [1, 2, 3, 4], groupChannelId: 1))
        }
    }

    private mutating func extendedJob(_ channelId: UInt32, _ input: inout FuzzInput) -> MiningMessage {
        let size = client.channels.first { $0.channelId == channelId }?.fullExtranonceSize ?? 8
        let coinbase = CoinbaseParts(
            version: 2, scriptPrefix: [1, 100], extranonceSize: max(1, size), sequence: 0,
            outputs: [TransactionOutput(value: .zero, script: [0x51])], lockTime: 0)
        return .newExtendedMiningJob(
            .init(
                channelId: channelId, jobId: input.id(), minNtime: input.byte() & 1 == 0 ? nil : 5,
                version: 4,
                versionRollingAllowed: true, merklePath: [.zero], coinbaseTxPrefix: coinbase.strippedPrefix,
                coinbaseTxSuffix: coinbase.strippedSuffix))
    }

    // MARK: The owner

    private mutating func own(_ choice: UInt8, _ input: inout FuzzInput) {
        guard !isOver, let channel = input.pick(client.channels) else { return }
        lastTicket += 1
        switch choice {
        case 25, 26, 27:
            // Rarely more at once than may wait for an answer.
            for _ in 0..<(choice == 27 && input.byte() == 0xFF ? MiningClient.maximumPendingShares + 2 : 1) {
                lastTicket += 1
                share(channel, input.byte())
            }
        case 28:
            guard configuration.work == .composed else { return }
            customJobs[lastTicket] = channel.channelId
            tell(
                .setCustomJob(
                    composed, token: input.bytes(4), ticket: lastTicket, channelId: channel.channelId))
        case 29:
            let kind: ChannelKind =
                switch configuration.work {
                case .composed: .extended
                case .pool: input.byte() & 1 == 0 ? .standard : .extended
                case .poolStandardOnly: .standard
                }
            guard client.channels.count + opens.count < MiningClient.maximumChannels else { return }
            openTicket = lastTicket
            tell(
                .openChannel(
                    ChannelRequest(
                        kind: kind, userIdentity: "v", nominalHashRate: HashRate(hashesPerSecond: 1),
                        minimumExtranonceSize: 2), ticket: lastTicket))
        case 30: tell(.closeChannel(channelId: channel.channelId, reasonCode: "done"))
        case _:
            let rate = Double(input.byte()) * (input.byte() & 1 == 0 ? 1e9 : 1e300)
            tell(.hashRate(HashRate(hashesPerSecond: rate), channelId: channel.channelId))
        }
    }

    private mutating func share(_ channel: ClientChannel, _ choice: UInt8) {
        guard client.channels.contains(where: { $0.channelId == channel.channelId }) else { return }
        let job = jobs.last { $0.channelId == channel.channelId }
        let extranonce = [UInt8](
            repeating: choice, count: job?.extranonceSize ?? min(channel.extranonceSize, 32))
        let header = Header(
            version: 4, previousBlock: .zero, merkleRoot: job?.merkleRoot(extranonce: extranonce) ?? .zero,
            time: job?.latestTime(at: now) ?? 0, bits: CompactTarget(bits: 0), nonce: UInt32(choice))
        shares[lastTicket] = channel.channelId
        tell(
            .submit(
                header, extranonce: extranonce, jobId: job?.jobId ?? 1, ticket: lastTicket,
                channelId: channel.channelId, worker: choice & 1 == 0 ? WorkerName("w") : nil))
    }

    private var composed: ComposedJob {
        ComposedJob(
            version: 4, previousBlock: .zero, minimumTime: 0, bits: CompactTarget(bits: 0x207f_ffff),
            coinbase: CoinbaseParts(
                version: 2, scriptPrefix: [1, 100], extranonceSize: 8, sequence: 0, outputs: [], lockTime: 0),
            merklePath: [.zero], transactions: [])
    }

    // MARK: What must hold

    private mutating func tell(_ event: MiningClient.Event) {
        let wasOver = isOver
        let actions = client.handle(event, at: now)
        for action in actions { check(action) }
        if wasOver {
            precondition(
                !actions.contains { if case .ignored = $0 { false } else { true } }, "failed is failed")
        }
        if isOver { (opens, customJobs, requests, shares) = ([], [:], [], [:]) }
        let open = client.channels
        precondition(open.count + opens.count <= MiningClient.maximumChannels, "channels have a bound")
        precondition(Set(open.map(\.channelId)).count == open.count, "a channel has an id of its own")
        precondition(open.allSatisfy { $0.fullExtranonceSize <= 32 }, "an extranonce has at most 32 bytes")
        precondition(
            shares.count <= MiningClient.maximumPendingShares * max(1, open.count), "few shares wait")
        let ids = Set(open.map(\.channelId))
        precondition(shares.values.allSatisfy(ids.contains), "a closed channel leaves no share unsettled")
        customJobs = customJobs.filter { ids.contains($0.value) }
        requests.removeAll { !ids.contains($0.channelId) }
        if let deadline = client.nextDeadline {
            precondition(timers.wanted.contains(deadline), "the owner knows of the next deadline")
        }
    }

    private mutating func check(_ action: MiningClient.Action) {
        switch action {
        case .send(let message): sent(message, [])
        case .sendShare(let share, let worker):
            precondition(
                client.namesWorkers && configuration.wantsWorkerNames, "names go where they are wanted")
            sent(.submitSharesExtended(share), worker.wireBytes)
        case .channelOpened(let channel):
            let index = opens.firstIndex { $0.ticket == channel.ticket && $0.kind == channel.kind }
            precondition(
                index.map { opens.remove(at: $0) } != nil, "a channel is opened once, as it was asked for")
        case .channelRefused(let ticket, _):
            let index = opens.firstIndex { $0.ticket == ticket }
            precondition(index.map { opens.remove(at: $0) } != nil, "a channel is refused once")
        case .channelChanged, .channelClosed, .hashRateRefused: break
        case .job(let job):
            precondition(job.extranoncePrefix.count + job.extranonceSize <= 32, "its extranonce has room")
            _ = job.merkleRoot(extranonce: [UInt8](repeating: 0, count: job.extranonceSize))
            precondition(configuration.work != .composed, "jobs of the pool's are of no use")
            jobs = jobs.suffix(31) + [job]
        case .customJobAccepted(let ticket, _, _), .customJobRefused(let ticket, _):
            precondition(customJobs.removeValue(forKey: ticket) != nil, "a custom job is settled once")
        case .shareAccepted(let ticket), .shareRejected(let ticket, _), .shareUnanswered(let ticket):
            precondition(shares.removeValue(forKey: ticket) != nil, "a share is settled once")
        case .reconnectAsked(let host, let port):
            precondition(!host.bytes.isEmpty && port != 0, "a place is whole")
        case .reconnectRefused, .ignored: break
        case .failed: isOver = true
        case .wake(let instant):
            precondition(instant >= now, "a wake is wanted later")
            timers.want(instant)
        }
    }

    private mutating func sent(_ message: MiningMessage, _ trailing: [UInt8]) {
        precondition(!isOver, "nothing is sent on a closed link")
        checkSent(message, trailing: trailing, limit: Self.serverLimit)
        switch message {
        case .openStandardMiningChannel(let open): opens.append((open.requestId, .standard, openTicket))
        case .openExtendedMiningChannel(let open): opens.append((open.requestId, .extended, openTicket))
        case .setCustomMiningJob(let job): requests = requests.suffix(7) + [(job.channelId, job.requestId)]
        case .submitSharesExtended(let share): number(share.channelId, share.sequenceNumber)
        case .submitSharesStandard(let share): number(share.channelId, share.sequenceNumber)
        case _: break
        }
    }

    private mutating func number(_ channelId: UInt32, _ sequenceNumber: UInt32) {
        let last = lastSequence.updateValue(sequenceNumber, forKey: channelId)
        precondition(
            last.map { $0 &+ 1 == sequenceNumber } ?? (sequenceNumber == 1), "shares are numbered in order")
    }
}
