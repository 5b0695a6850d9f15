import BitcoinPrimitives
import BlockRelay
import BlockRoutes
import NodeConnections
import NodeRPC
import ProviderTemplates

extension BlockAnswer {
    /// What a node made of `submitblock`.
    init(_ result: Result<BlockVerdict, any Error>, at endpoint: NodeEndpoint) {
        switch result {
        case .success(let verdict): self.init(verdict)
        case .failure(let error as VerdictFailure): self.init(error, at: endpoint)
        case .failure(let error): self = .failed("\(error)")
        }
    }

    init(_ verdict: BlockVerdict) {
        self =
            switch verdict {
            case .accepted: .accepted
            case .duplicate: .duplicate
            case .duplicateInvalid: .refused("duplicate-invalid")
            case .duplicateInconclusive, .inconclusive, .notOnTip: .stale
            case .refused(let word): BlockAnswer(submitblock: word)
            }
    }

    /// RPC_DESERIALIZATION_ERROR: the bytes are no block (Bitcoin Core, `rpc/protocol.h`).
    private static let unreadable = -22

    private init(_ failure: VerdictFailure, at endpoint: NodeEndpoint) {
        switch failure {
        case .timedOut(let time): self = .unanswered(time)
        case .node(let error) where error.code == Self.unreadable:
            self = .refused(String(error.message.prefix(200)))
        case .call(let failure): self = .failed(endpoint.sentence(for: .down(.unreachable(failure))))
        case .reply(.unauthorised): self = .failed(endpoint.sentence(for: .down(.unauthorised)))
        case .reply(.forbidden): self = .failed(endpoint.sentence(for: .down(.forbidden)))
        case .reply(.busy): self = .failed(endpoint.sentence(for: .down(.busy)))
        case .reply(let fault): self = .failed(endpoint.sentence(for: .down(.garbage(fault))))
        case .answer(let fault):
            self = .failed(endpoint.sentence(for: .down(.badAnswer(call: "submitblock", fault))))
        case .node(let error):
            self = .failed(endpoint.sentence(for: .down(.refused(call: "submitblock", error))))
        case .queueFull(let count): self = .failed("\(count) blocks wait for this node already")
        case .stopped: self = .failed("it is not asked any more")
        }
    }

    /// A provider does not answer: whether the solution became a block shows in the next tip.
    init(_ route: SolutionRoute) {
        self =
            switch route {
            case .handedOver: .sent
            case .otherConnection:
                .refused("its connection is another one since, which knows nothing of the template")
            case .unknownTemplate: .refused("its connection never had the template, or too many others since")
            case .coinbaseTooLong(let count): .refused("the coinbase has \(count) bytes, of 65,535 that fit")
            }
    }
}

extension FoundBlockFault {
    /// Why peers are not told of a block, as half a sentence.
    var words: String {
        switch self {
        case .malformed: "it is no whole block"
        case .tooLarge(let bytes, let transactions):
            "its \(bytes) bytes and \(transactions) transactions are more than a message holds"
        case .proofOfWork: "its hash does not meet the target of its own header"
        case .commitment: "its header does not commit to its transactions"
        }
    }
}

extension MinedBlock {
    /// A coinbase is far shorter.
    private static let longestCoinbase = 200_000

    /// The first transaction, with its witness; `nil` when there is none that can be read.
    var coinbase: (transaction: Transaction, bytes: [UInt8])? {
        let first = wireBytes[Header.size]
        let countSize = first < 0xfd ? 1 : first == 0xfd ? 3 : first == 0xfe ? 5 : 9
        let start = Header.size + countSize
        let bytes = Array(wireBytes.dropFirst(start).prefix(Self.longestCoinbase))
        do throws(ParsingFault) {
            return (try Transaction(wireBytes: bytes), bytes)
        } catch {
            // What follows it is the rest of the block.
            guard case .trailing(let count) = error else { return nil }
            let own = Array(bytes.dropLast(count))
            guard let transaction = try? Transaction(wireBytes: own) else { return nil }
            return (transaction, own)
        }
    }

    var coinbaseBytes: [UInt8]? { coinbase?.bytes }
}
