import BaseTemplates
import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import Units

/// A pool with its declarator, for tests: it answers properly, rebuilds every header from what it was told,
/// and does otherwise only where a test says so. It shares no code with the server roles of this project.
struct ScriptedPool {
    struct PoolJob {
        let message: SetCustomMiningJob
        let prefix: [UInt8]
        let target: Target
    }

    // What a test may change.
    var prefix: [UInt8] = [0xa0, 0xa1, 0xa2, 0xa3]
    var extranonceSize: UInt16 = 8
    var target = Target.max
    var batchSize = 3
    var payout = TransactionOutput(value: .zero, script: [0x51])
    /// Messages (by name) that it leaves without an answer.
    var silentOn: Set<String> = []
    /// Error codes for the next jobs, an empty one for a job that is accepted.
    var jobRefusals: [WireText] = []
    var declarationRefusals: [WireText] = []
    var shareErrors: [WireText] = []
    /// Answers to wishes for tokens are kept back.
    var holdsTokens = false
    /// Each token comes with another payout.
    var changesPayouts = false
    /// The prefix changes under each custom job.
    var changesPrefixes = false
    /// Sent in front of the answer to the next custom job.
    var beforeCustomJobAnswer: [MiningMessage] = []
    var tip: Hash256?
    /// Extensions on the job declaration link.
    var extensions: [UInt16] = []
    /// Serves frames of the base-template extension.
    var baseTemplates: BaseTemplateHouse?
    /// How long a token is good for, as the pool counts.
    var tokenLifetime = Duration.seconds(86_400)
    var now = Instant(nanoseconds: 0)

    static let unixTime: UInt32 = 1_700_000_000

    // What it saw.
    private(set) var accepted: Set<Hash256> = []
    private(set) var acceptedInOrder: [Hash256] = []
    private(set) var solutions: [PushSolution] = []
    private(set) var received: [String] = []
    private(set) var declarations: [DeclareMiningJob] = []
    private(set) var declarationFlags: UInt32?
    private(set) var heldTokens: [JobDeclarationMessage] = []
    private(set) var jobs: [UInt32: PoolJob] = [:]

    private var knownTransactions: Set<U256> = []
    private var nextToken: UInt8 = 0
    private var nextJobId: UInt32 = 1000
    private var nextChannelId: UInt32 = 10
    private var channelId: UInt32 = 0
    private var open: (count: UInt32, last: UInt32) = (0, 0)
    private var tokens: [[UInt8]: Instant] = [:]
    private var declared: [UInt32: DeclareMiningJob] = [:]
    private var declaredTokens: [[UInt8]: DeclareMiningJob] = [:]

    /// Whatever belongs to a connection is gone with it.
    mutating func disconnected(_ link: Link) {
        switch link {
        case .mining: (jobs, open) = ([:], (0, 0))
        case .jobDeclaration: (tokens, declared, heldTokens) = ([:], [:], [])
        }
    }

    mutating func receive(_ message: UpstreamMessage) -> [UpstreamMessage] {
        switch message {
        case .mining(let message):
            let name = type(of: message.message).name
            received.append(name)
            return silentOn.contains("mining " + name) || silentOn.contains(name)
                ? [] : answer(message).map { .mining($0) }
        case .jobDeclaration(let message):
            let name = type(of: message.message).name
            received.append(name)
            return silentOn.contains("declaration " + name) || silentOn.contains(name)
                ? [] : answer(message).map { .jobDeclaration($0) }
        case .baseTemplate(let header, let payload):
            received.append("baseTemplate \(header.msgType)")
            return baseTemplates?.answer(header, payload, at: now) ?? []
        case .line: preconditionFailure("not of this protocol")
        }
    }

    mutating func releaseTokens() -> [UpstreamMessage] {
        defer { heldTokens = [] }
        holdsTokens = false
        return heldTokens.map { .jobDeclaration($0) }
    }

    /// Has these transactions, as if its node had told it.
    mutating func learn(_ wtxids: [Wtxid]) {
        for wtxid in wtxids { knownTransactions.insert(U256(wireBytes: wtxid.hash.wireBytes)!) }
    }

    private mutating func use(_ token: [UInt8]) -> Bool {
        guard let allocated = tokens.removeValue(forKey: token) else { return false }
        return now - allocated < tokenLifetime
    }

    /// The acknowledgement of a batch that is not full yet.
    mutating func flush() -> [UpstreamMessage] {
        guard open.count > 0 else { return [] }
        defer { open.count = 0 }
        let answer = SubmitSharesSuccess(
            channelId: channelId, lastSequenceNumber: open.last, newSubmitsAcceptedCount: open.count,
            newSharesSum: 0)
        return [.mining(.submitSharesSuccess(answer))]
    }

    func setTarget(_ target: Target) -> UpstreamMessage {
        .mining(.setTarget(SetTarget(channelId: channelId, maximumTarget: u256(target))))
    }

    func setPrefix(_ prefix: [UInt8]) -> MiningMessage {
        .setExtranoncePrefix(SetExtranoncePrefix(channelId: channelId, extranoncePrefix: prefix))
    }

    private mutating func answer(_ message: MiningMessage) -> [MiningMessage] {
        switch message {
        case .common(.setupConnection):
            return [.common(.setupConnectionSuccess(SetupConnectionSuccess(usedVersion: 2, flags: 2)))]
        case .openExtendedMiningChannel(let request):
            nextChannelId += 1
            channelId = nextChannelId
            return [
                .openExtendedMiningChannelSuccess(
                    OpenExtendedMiningChannelSuccess(
                        requestId: request.requestId, channelId: channelId, target: u256(target),
                        extranonceSize: extranonceSize, extranoncePrefix: prefix, groupChannelId: 1))
            ]
        case .setCustomMiningJob(let request): return judge(request)
        case .submitSharesExtended(let share): return judge(share)
        default: return []
        }
    }

    private mutating func judge(_ request: SetCustomMiningJob) -> [MiningMessage] {
        var before = beforeCustomJobAnswer
        beforeCustomJobAnswer = []
        if changesPrefixes {
            prefix[0] &+= 1
            before.append(setPrefix(prefix))
        }
        for case .setTarget(let new) in before { target = Target(wireBytes: new.maximumTarget.wireBytes)! }
        for case .setExtranoncePrefix(let new) in before { prefix = new.extranoncePrefix }
        func refuse(_ code: WireText) -> [MiningMessage] {
            let error = SetCustomMiningJobError(
                channelId: channelId, requestId: request.requestId, errorCode: code)
            return before + [.setCustomMiningJobError(error)]
        }
        if !jobRefusals.isEmpty, case let code = jobRefusals.removeFirst(), !code.bytes.isEmpty {
            return refuse(code)
        }
        let isCoinbaseOnly = declarationFlags == 0
        let declaration = declaredTokens.removeValue(forKey: request.miningJobToken)
        guard isCoinbaseOnly ? use(request.miningJobToken) : declaration != nil else {
            return refuse("invalid-mining-job-token")
        }
        if let tip, tip.wireBytes != request.prevHash.wireBytes { return refuse("stale-chain-tip") }
        guard request.channelId == channelId else { return refuse("invalid-channel-id") }
        if let declaration {
            guard request.version == declaration.version,
                coinbase(request, extranonceSize: prefix.count + Int(extranonceSize)).fullPrefix
                    == declaration.coinbaseTxPrefix
            else { return refuse("invalid-coinbase-prefix") }
        }
        nextJobId += 7
        jobs[nextJobId] = PoolJob(message: request, prefix: prefix, target: target)
        return before + [
            .setCustomMiningJobSuccess(
                SetCustomMiningJobSuccess(
                    channelId: channelId, requestId: request.requestId, jobId: nextJobId))
        ]
    }

    private func coinbase(_ job: SetCustomMiningJob, extranonceSize: Int) -> CoinbaseParts {
        CoinbaseParts(
            version: job.coinbaseTxVersion, scriptPrefix: job.coinbasePrefix, extranonceSize: extranonceSize,
            sequence: job.coinbaseTxInputNSequence,
            outputs: (try? TransactionOutput.list(wireBytes: job.coinbaseTxOutputs)) ?? [],
            lockTime: job.coinbaseTxLocktime)
    }

    private mutating func judge(_ share: SubmitSharesExtended) -> [MiningMessage] {
        func refuse(_ code: WireText) -> [MiningMessage] {
            [
                .submitSharesError(
                    SubmitSharesError(
                        channelId: channelId, sequenceNumber: share.sequenceNumber, errorCode: code))
            ]
        }
        if !shareErrors.isEmpty, case let code = shareErrors.removeFirst(), !code.bytes.isEmpty {
            return refuse(code)
        }
        guard share.channelId == channelId else { return refuse("invalid-channel-id") }
        guard let job = jobs[share.jobId] else { return refuse("invalid-job-id") }
        guard share.extranonce.count == Int(extranonceSize) else { return refuse("bad-extranonce-size") }
        let hash = header(share, job).hash
        guard job.target.isMet(by: hash) else { return refuse("difficulty-too-low") }
        guard accepted.insert(hash).inserted else { return refuse("duplicate-share") }
        acceptedInOrder.append(hash)
        open = (open.count + 1, share.sequenceNumber)
        guard open.count == batchSize, case .mining(let answer)? = flush().first else { return [] }
        return [answer]
    }

    private func header(_ share: SubmitSharesExtended, _ job: PoolJob) -> Header {
        let whole = job.prefix + share.extranonce
        let root = CoinbaseParts.merkleRoot(
            strippedPrefix: coinbase(job.message, extranonceSize: whole.count).strippedPrefix,
            extranonce: whole,
            strippedSuffix: coinbase(job.message, extranonceSize: whole.count).strippedSuffix,
            path: job.message.merklePath.map { Hash256(wireBytes: $0.wireBytes)! })
        return Header(
            version: share.version, previousBlock: Hash256(wireBytes: job.message.prevHash.wireBytes)!,
            merkleRoot: root, time: share.ntime, bits: CompactTarget(bits: job.message.nbits),
            nonce: share.nonce)
    }

    private mutating func answer(_ message: JobDeclarationMessage) -> [JobDeclarationMessage] {
        switch message {
        case .common(.setupConnection(let setup)):
            declarationFlags = setup.flags
            return [.common(.setupConnectionSuccess(SetupConnectionSuccess(usedVersion: 2, flags: 0)))]
        case .common(.requestExtensions(let request)):
            let spoken = request.requestedExtensions.filter(extensions.contains)
            guard !spoken.isEmpty else {
                let error = RequestExtensionsError(
                    requestId: request.requestId, unsupportedExtensions: request.requestedExtensions,
                    requiredExtensions: [])
                return [.common(.requestExtensionsError(error))]
            }
            let success = RequestExtensionsSuccess(requestId: request.requestId, supportedExtensions: spoken)
            return [.common(.requestExtensionsSuccess(success))]
        case .allocateMiningJobToken(let request):
            let token = newToken()
            tokens[token] = now
            if changesPayouts { payout.script = [0x51, nextToken] }
            let answer = JobDeclarationMessage.allocateMiningJobTokenSuccess(
                AllocateMiningJobTokenSuccess(
                    requestId: request.requestId, miningJobToken: token,
                    coinbaseTxOutputs: TransactionOutput.wireBytes(of: [payout])))
            guard holdsTokens else { return [answer] }
            heldTokens.append(answer)
            return []
        case .declareMiningJob(let request):
            declarations.append(request)
            guard use(request.miningJobToken) else {
                return refuse(request.requestId, "invalid-mining-job-token")
            }
            if !declarationRefusals.isEmpty, case let code = declarationRefusals.removeFirst(),
                !code.bytes.isEmpty
            {
                return refuse(request.requestId, code)
            }
            let missing = request.wtxidList.indices.filter {
                !knownTransactions.contains(request.wtxidList[$0])
            }
            guard missing.isEmpty else {
                declared[request.requestId] = request
                let positions = missing.reversed().map(UInt16.init)
                return [
                    .provideMissingTransactions(
                        ProvideMissingTransactions(
                            requestId: request.requestId, unknownTxPositionList: positions))
                ]
            }
            return accept(request)
        case .provideMissingTransactionsSuccess(let provided):
            guard let request = declared.removeValue(forKey: provided.requestId) else { return [] }
            for bytes in provided.transactionList {
                knownTransactions.insert(U256(wireBytes: Hash256(hashing: bytes).wireBytes)!)
            }
            guard request.wtxidList.allSatisfy(knownTransactions.contains) else {
                return refuse(request.requestId, "missing-txs")
            }
            return accept(request)
        case .pushSolution(let solution):
            solutions.append(solution)
            return []
        default: return []
        }
    }

    private mutating func accept(_ request: DeclareMiningJob) -> [JobDeclarationMessage] {
        let token = newToken()
        declaredTokens[token] = request
        return [
            .declareMiningJobSuccess(
                DeclareMiningJobSuccess(requestId: request.requestId, newMiningJobToken: token))
        ]
    }

    private func refuse(_ requestId: UInt32, _ code: WireText) -> [JobDeclarationMessage] {
        [
            .declareMiningJobError(
                DeclareMiningJobError(requestId: requestId, errorCode: code, errorDetails: []))
        ]
    }

    private mutating func newToken() -> [UInt8] {
        nextToken &+= 1
        return [0x70, nextToken]
    }
}

private func u256(_ target: Target) -> U256 { U256(wireBytes: target.wireBytes)! }
