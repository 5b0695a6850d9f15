// Fuzz entry for the server core of mining and job declaration, fed with what clients may send. Its modules are built
// apart with the same sanitizers, SV2Roles with -enable-testing, and linked to it: CSHA256d, Units, BitcoinPrimitives,
// SV2Codec, SV2Messages, SV2Roles.
//
// Input: one byte that chooses the pool's configuration, then steps of a byte and what the step reads: a message of one of
// a few clients (honest, or changed on its way), something that the owner or the node says, time that passes, or a
// connection that comes or goes. Whatever comes, the core must end, must not trap, must count no share twice, must
// acknowledge what it counted and nothing else, and must keep its bounds.

import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

@testable import SV2Roles

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    var run = PoolRun(choice: input.byte())
    for _ in 0..<512 where !input.isOver { run.step(&input) }
    return 0
}

private let miningKinds = kindsInOrder(of: MiningMessage.self)
private let declarationKinds = kindsInOrder(of: JobDeclarationMessage.self)

private struct PoolRun {
    private struct Declared {
        let token: [UInt8]
        let work: FuzzWork
    }

    private var pool: Pool
    private var now = Instant(nanoseconds: 0)
    private var books: PoolBooks
    private var next = FuzzWork.next(0)

    // What honest messages are made of.
    private var lastConnection: UInt64 = 0
    private var tokens: [[UInt8]] = []
    private var works: [UInt32: FuzzWork] = [:]
    private var declared: [Declared] = []

    init(choice: UInt8) {
        var configuration = PoolConfiguration(
            payoutScript: FuzzWork.payout, sharesPerMinute: 60, tokenSeed: 1)
        if choice & 1 == 0 { configuration.ownJobs = OwnJobs(tag: [0x41]) }
        configuration.vardiff = choice & 2 == 0
        configuration.lateShareGrace = choice & 4 == 0 ? .zero : .seconds(2)
        configuration.declarationExtensions = choice & 8 == 0 ? [] : [0x4000]
        configuration.acknowledgementBatch = 3
        configuration.maximumConnections = 2
        configuration.maximumChannelsPerConnection = 3
        configuration.maximumChannels = 5
        configuration.maximumJobsPerChannel = 3
        configuration.maximumJobs = 4
        configuration.maximumTokensPerConnection = 3
        configuration.maximumDeclarationsPerConnection = 2
        configuration.maximumPending = 3
        configuration.maximumSuppliedBytes = 600
        configuration.maximumSuppliedBytesPerConnection = 400
        configuration.maximumSeenShares = 24
        configuration.maximumPublished = 64
        pool = Pool(configuration)
        books = PoolBooks(configuration)
    }

    mutating func step(_ input: inout FuzzInput) {
        let choice = input.byte() % 40
        switch choice {
        case 0: connect(mines: true, flags: UInt32(input.below(8)))
        case 1: connect(mines: false, flags: 1)
        case 2...18: fromMiner(choice, &input)
        case 19...28: fromDeclarator(choice, &input)
        case 29: tell(.tip(newTip(input.below(4))))
        case 30: tell(.knownTransactions(Array(FuzzWork.entries.prefix(input.below(5)))))
        case 31, 32:
            let refusals: [String?] = [nil, nil, "bad-cb-height", "no\u{7}"]
            guard let check = books.checks.first else { return }
            books.checks.removeFirst()
            tell(.checked(check, refusal: refusals[input.below(4)]))
        case 33:
            guard let connection = input.pick(books.connections(mining: true)) else { return }
            let channelId = input.pick(channels(connection).map(\.channelId)) ?? input.id()
            tell(.exchangePrefix(connection, channelId: channelId))
        case 34: tell(.reconnect(host: "", port: 0))
        case 35:
            guard let connection = input.pick(books.connections(mining: input.byte() & 1 == 0)) else {
                return
            }
            books.forget(connection)
            tell(.closed(connection))
        case 36, 37: pass(until: books.timers.first ?? now + .seconds(1))
        case _: pass(until: now + .milliseconds(Int64(input.byte()) * 50))
        }
    }

    /// A tip that was never there before, or the same with another time.
    private mutating func newTip(_ choice: Int) -> NextBlock {
        if choice > 0 {
            next = FuzzWork.next(next.height - FuzzWork.firstHeight + 1)
        } else {
            next.currentTime += 1
        }
        return next
    }

    private mutating func pass(until instant: Instant) {
        now = max(now, instant)
        guard books.timers.fire(at: now) else { return }
        tell(.woke)
        books.expectPunctual(at: now)
    }

    private mutating func connect(mines: Bool, flags: UInt32) {
        lastConnection += 1
        let connection = ConnectionID(rawValue: lastConnection)
        books.connected(connection, mines: mines, at: now)
        tell(mines ? .miningConnected(connection) : .declarationConnected(connection))
        let setup = SetupConnection(
            protocol: mines ? 0 : 1, minVersion: 2, maxVersion: 2, flags: flags, endpointHost: "",
            endpointPort: 0,
            vendor: "v", hardwareVersion: "", firmware: "", deviceId: "")
        guard books.isOpen(connection), flags != 7 else { return }  // 7: says nothing yet
        if mines {
            tell(.mining(connection, .common(.setupConnection(setup))))
        } else {
            tell(.declaration(connection, .common(.setupConnection(setup))))
        }
    }

    // MARK: Miners

    private func channels(_ connection: ConnectionID) -> [Channel] {
        pool.miningLinks[connection]?.channels.values.sorted { $0.channelId < $1.channelId } ?? []
    }

    private mutating func fromMiner(_ choice: UInt8, _ input: inout FuzzInput) {
        guard let connection = input.pick(books.connections(mining: true)) else { return }
        let arrived =
            choice == 18
            ? input.anything(miningKinds, as: MiningMessage.self)
            : input.arriving(minersMessage(choice, connection, &input))
        guard let (message, trailing) = arrived else { return }
        tell(.mining(connection, message, trailing: trailing))
    }

    private mutating func minersMessage(
        _ choice: UInt8, _ connection: ConnectionID, _ input: inout FuzzInput
    ) -> MiningMessage {
        let channel = input.pick(channels(connection))
        let channelId = channel?.channelId ?? input.id()
        switch choice {
        case 2, 3:
            return .openExtendedMiningChannel(
                .init(
                    requestId: input.id(), userIdentity: input.byte() & 1 == 0 ? "a" : "b",
                    nominalHashRate: 1,
                    maxTarget: .max, minExtranonceSize: 8))
        case 4:
            return .openStandardMiningChannel(
                .init(requestId: input.id(), userIdentity: "a", nominalHashRate: 1, maxTarget: .max))
        case 5:
            let rate = Float(bitPattern: input.word())
            return .updateChannel(.init(channelId: channelId, nominalHashRate: rate, maximumTarget: .max))
        case 6:
            return .closeChannel(.init(channelId: input.byte() & 7 == 0 ? 1 : channelId, reasonCode: "bye"))
        case 7, 8, 9:
            let chosen =
                declared.popLast() ?? Declared(token: [1], work: FuzzWork(next, count: input.below(5)))
            return .setCustomMiningJob(chosen.work.customJob(token: chosen.token, channelId: channelId))
        case 10: return .common(.requestExtensions(.init(requestId: 1, requestedExtensions: [2, 9])))
        case _: return share(channel, &input)
        }
    }

    private func share(_ channel: Channel?, _ input: inout FuzzInput) -> MiningMessage {
        let job = input.byte() & 7 == 0 ? input.pick(channel?.jobs ?? []) : channel?.jobs.last
        let jobId = job?.jobId ?? input.id()
        let version = job?.work.version ?? 0
        switch channel?.kind {
        case .standard:
            return .submitSharesStandard(
                .init(
                    channelId: channel?.channelId ?? 0, sequenceNumber: UInt32(input.byte()), jobId: jobId,
                    nonce: UInt32(input.byte()), ntime: FuzzWork.time, version: version))
        case .extended, nil:
            return .submitSharesExtended(
                .init(
                    channelId: channel?.channelId ?? input.id(), sequenceNumber: UInt32(input.byte()),
                    jobId: jobId,
                    nonce: UInt32(input.byte()), ntime: FuzzWork.time, version: version,
                    extranonce: [UInt8](repeating: 1, count: job?.extranonceSize ?? 8)))
        }
    }

    // MARK: Declarators

    private mutating func fromDeclarator(_ choice: UInt8, _ input: inout FuzzInput) {
        guard let connection = input.pick(books.connections(mining: false)) else { return }
        let arrived =
            choice == 28
            ? input.anything(declarationKinds, as: JobDeclarationMessage.self)
            : input.arriving(declaratorsMessage(choice, &input))
        guard let (message, _) = arrived else { return }
        tell(.declaration(connection, message))
    }

    private mutating func declaratorsMessage(_ choice: UInt8, _ input: inout FuzzInput)
        -> JobDeclarationMessage
    {
        switch choice {
        case 19, 20: return .allocateMiningJobToken(.init(userIdentifier: "a", requestId: input.id()))
        case 21...24:
            let requestId = UInt32(input.below(4))
            let work = FuzzWork(next, count: input.below(5))
            works[requestId] = work
            return .declareMiningJob(work.declaration(token: tokens.popLast() ?? [1], requestId: requestId))
        case 25:
            let requestId = UInt32(input.below(4))
            let asked = books.asked[requestId] ?? []
            let list = asked.compactMap { position in
                works[requestId].flatMap {
                    Int(position) < $0.entries.count ? $0.entries[Int(position)].wireBytes : nil
                }
            }
            return .provideMissingTransactionsSuccess(.init(requestId: requestId, transactionList: list))
        case 26: return .common(.requestExtensions(.init(requestId: 1, requestedExtensions: [0x4000, 2])))
        case _:
            return .pushSolution(
                .init(
                    extranonce: [UInt8](repeating: 1, count: 12), prevHash: next.previousBlock.onWire,
                    nonce: UInt32(input.byte()), ntime: FuzzWork.time, nbits: next.bits.bits,
                    version: next.version))
        }
    }

    // MARK: Bookkeeping

    private mutating func tell(_ event: PoolEvent) {
        let actions = pool.handle(event, at: now, unixTime: FuzzWork.time)
        books.take(actions, of: event, at: now)
        for case .sendDeclaration(_, let message) in actions { learn(message) }
        books.expectBounds(of: pool)
    }

    private mutating func learn(_ message: JobDeclarationMessage) {
        switch message {
        case .allocateMiningJobTokenSuccess(let success): tokens = tokens.suffix(5) + [success.miningJobToken]
        case .declareMiningJobSuccess(let success):
            guard let work = works[success.requestId] else { return }
            declared = declared.suffix(5) + [Declared(token: success.newMiningJobToken, work: work)]
        case .provideMissingTransactions(let request):
            books.asked[request.requestId] = request.unknownTxPositionList
        case _: break
        }
    }
}
