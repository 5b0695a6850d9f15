import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

// Job declaration. Source: sv2-notes §8.

extension Pool {
    mutating func handle(_ message: JobDeclarationMessage, on connection: ConnectionID, _ turn: inout Turn) {
        switch message {
        case .allocateMiningJobToken(let request): allocateToken(request, connection, &turn)
        case .declareMiningJob(let message): declare(message, connection, &turn)
        case .provideMissingTransactionsSuccess(let message): takeMissing(message, connection, &turn)
        case .pushSolution(let solution): pushSolution(solution, connection, &turn)
        case .common, .allocateMiningJobTokenSuccess, .declareMiningJobSuccess, .declareMiningJobError,
            .provideMissingTransactions:
            let name = type(of: message.message).name
            if declarationLinks[connection]?.ignored.insert(name).inserted == true {
                turn.actions.append(.ignored(connection, name))
            }
        }
    }

    private mutating func allocateToken(
        _ request: AllocateMiningJobToken, _ connection: ConnectionID, _ turn: inout Turn
    ) {
        guard let mode = declarationLinks[connection]?.mode else { return }
        let token = tokens.allocate(
            for: connection, mode, until: turn.now + configuration.tokenLifetime,
            limit: configuration.maximumTokensPerConnection)
        let payout = TransactionOutput(value: .zero, script: configuration.payoutScript)
        let success = AllocateMiningJobTokenSuccess(
            requestId: request.requestId, miningJobToken: token,
            coinbaseTxOutputs: TransactionOutput.wireBytes(of: [payout]))
        turn.actions.append(.sendDeclaration(connection, .allocateMiningJobTokenSuccess(success)))
    }

    private mutating func declare(_ message: DeclareMiningJob, _ connection: ConnectionID, _ turn: inout Turn)
    {
        do throws(DeclarationRefusal) {
            try beginDeclaration(message, connection, &turn)
        } catch {
            answer(message.requestId, on: connection, error, &turn)
        }
    }

    private mutating func beginDeclaration(
        _ message: DeclareMiningJob, _ connection: ConnectionID, _ turn: inout Turn
    ) throws(DeclarationRefusal) {
        guard let link = declarationLinks[connection] else { return }
        guard link.pending[message.requestId] == nil else {
            throw .init(.invalidJob, "request id \(message.requestId) is in use")
        }
        guard link.pending.count < configuration.maximumPendingPerConnection,
            declarationLinks.values.reduce(0, { $0 + $1.pending.count }) < configuration.maximumPending
        else { throw .init(.internalError, "too many declarations at once") }
        guard link.mode == .fullTemplate else {
            throw .init(.invalidJob, "the connection was set up without DECLARE_TX_DATA")
        }
        guard tokens.beginDeclaration(message.miningJobToken, by: connection, at: turn.now) else {
            throw .init(.token, "unknown, used, expired, or another connection's")
        }
        do throws(DeclarationRefusal) {
            try examine(message, connection, &turn)
        } catch {
            tokens.endDeclaration(message.miningJobToken)
            throw error
        }
    }

    private mutating func examine(
        _ message: DeclareMiningJob, _ connection: ConnectionID, _ turn: inout Turn
    ) throws(DeclarationRefusal) {
        let check = try declarationCheck()
        let coinbase = try check.readCoinbase(of: message)
        guard Set(message.wtxidList).count == message.wtxidList.count else {
            throw .init(.invalidJob, "bad-txns-duplicate: a wtxid is listed twice")
        }
        let missing = message.wtxidList.indices.filter {
            known[Wtxid(Hash256(wire: message.wtxidList[$0]))] == nil
        }
        guard missing.isEmpty else {
            let until = turn.now + configuration.missingTransactionsDeadline
            declarationLinks[connection]?.pending[message.requestId] = PendingDeclaration(
                token: message.miningJobToken, stage: .missing(missing, coinbase, message, until: until))
            turn.wake(at: until)
            let request = ProvideMissingTransactions(
                requestId: message.requestId,
                unknownTxPositionList: missing.map { UInt16(truncatingIfNeeded: $0) })
            return turn.actions.append(.sendDeclaration(connection, .provideMissingTransactions(request)))
        }
        try askNode(message, coinbase, supplied: [], connection, &turn)
    }

    private mutating func takeMissing(
        _ message: ProvideMissingTransactionsSuccess, _ connection: ConnectionID, _ turn: inout Turn
    ) {
        guard let pending = declarationLinks[connection]?.pending[message.requestId],
            case .missing(let positions, let coinbase, let declaration, _) = pending.stage
        else {
            return turn.actions.append(
                .refused(
                    connection, what: ProvideMissingTransactionsSuccess.name, code: "not-asked-for",
                    details: ""))
        }
        do throws(DeclarationRefusal) {
            let wanted = positions.map { Wtxid(Hash256(wire: declaration.wtxidList[$0])) }
            try checkRoom(for: message.transactionList.reduce(0) { $0 + $1.count }, connection)
            let supplied = try SuppliedTransactions.read(message.transactionList, wanted: wanted)
            try askNode(declaration, coinbase, supplied: supplied, connection, &turn)
        } catch {
            refuseDeclaration(message.requestId, on: connection, error, &turn)
        }
    }

    private func checkRoom(for bytes: Int, _ connection: ConnectionID) throws(DeclarationRefusal) {
        // A block's weight is never below its size.
        guard bytes <= Int(Weight.block.weightUnits) else {
            throw .init(.invalidJob, "bad-blk-weight: \(bytes) bytes supplied")
        }
        let own = declarationLinks[connection].map { link in
            link.pending.values.reduce(link.suppliedBytes) { $0 + $1.suppliedBytes }
        }
        let pending = declarationLinks.values.reduce(0) { sum, link in
            link.pending.values.reduce(sum) { $0 + $1.suppliedBytes }
        }
        guard (own ?? 0) + bytes <= configuration.maximumSuppliedBytesPerConnection,
            known.suppliedBytes + pending + bytes <= configuration.maximumSuppliedBytes
        else { throw .init(.internalError, "no room for more transactions before the next tip") }
    }

    /// Ends the pool's own part of the check and begins the node's.
    private mutating func askNode(
        _ message: DeclareMiningJob, _ coinbase: CoinbaseParts, supplied: [KnownTransaction],
        _ connection: ConnectionID, _ turn: inout Turn
    ) throws(DeclarationRefusal) {
        let check = try declarationCheck()
        let suppliedByWtxid = Dictionary(
            supplied.map { ($0.wtxid, $0) }, uniquingKeysWith: { first, _ in first })
        var transactions = [KnownTransaction]()
        for (position, wire) in message.wtxidList.enumerated() {
            let wtxid = Wtxid(Hash256(wire: wire))
            // What was known when the others were asked for may be gone with a newer template of the node.
            guard let transaction = suppliedByWtxid[wtxid] ?? known[wtxid] else {
                throw .init(.missing, "position \(position)")
            }
            transactions.append(transaction)
        }
        let job = try check.job(version: message.version, coinbase: coinbase, transactions: transactions)
        lastCheck += 1
        let id = CheckID(rawValue: lastCheck)
        checks[id] = (connection, message.requestId)
        let until = turn.now + configuration.checkDeadline
        declarationLinks[connection]?.pending[message.requestId] = PendingDeclaration(
            token: message.miningJobToken, stage: .checking(id, job, supplied: supplied, until: until))
        turn.wake(at: until)
        let time = max(check.next.currentTime, check.next.minimumTime)
        turn.actions.append(.check(id, block: job.proposal(time: time)))
    }

    private func declarationCheck() throws(DeclarationRefusal) -> DeclarationCheck {
        guard let next else { throw .init(.internalError, "the node has no template yet") }
        return DeclarationCheck(next: next, payout: PayoutTerms(configuration))
    }

    mutating func finishCheck(_ check: CheckID, refusal: DeclarationRefusal?, _ turn: inout Turn) {
        // Without an entry the declaration is over: its tip, its time or its connection is gone.
        guard let (connection, request) = checks.removeValue(forKey: check),
            let pending = declarationLinks[connection]?.pending[request],
            case .checking(check, let job, let supplied, _) = pending.stage
        else { return }
        if let refusal {
            return refuseDeclaration(request, on: connection, refusal, &turn)
        }
        tokens.endDeclaration(pending.token)
        declarationLinks[connection]?.pending[request] = nil
        known.insert(supplied: supplied)
        declarationLinks[connection]?.suppliedBytes += pending.suppliedBytes
        declarationLinks[connection]?.lastDeclared = job
        let token = tokens.insert(
            job, for: connection, until: turn.now + configuration.declarationLifetime,
            limit: configuration.maximumDeclarationsPerConnection)
        let success = DeclareMiningJobSuccess(requestId: request, newMiningJobToken: token)
        turn.actions.append(.sendDeclaration(connection, .declareMiningJobSuccess(success)))
        turn.actions.append(
            .declared(connection, transactions: job.body.transactions.count, missing: supplied.count))
    }

    /// Words that say "another tip" rather than "a bad block". Source: sv2-notes §8.4.
    static func refusal(forNodeReason reason: String) -> DeclarationRefusal {
        let stale = [
            "inconclusive-not-best-prevblk", "prev-blk-not-found", "bad-txns-nonfinal", "bad-cb-height",
        ]
        return DeclarationRefusal(stale.contains(reason) ? .staleTip : .invalidJob, reason)
    }

    /// Ends a declaration that is under way.
    mutating func refuseDeclaration(
        _ request: UInt32, on connection: ConnectionID, _ refusal: DeclarationRefusal, _ turn: inout Turn
    ) {
        guard let pending = declarationLinks[connection]?.pending.removeValue(forKey: request) else { return }
        tokens.endDeclaration(pending.token)
        forgetCheck(of: pending)
        answer(request, on: connection, refusal, &turn)
    }

    mutating func forgetCheck(of pending: PendingDeclaration) {
        if case .checking(let check, _, _, _) = pending.stage { checks[check] = nil }
    }

    func lateness(of pending: PendingDeclaration) -> DeclarationRefusal {
        switch pending.stage {
        case .missing(let positions, _, _, _):
            DeclarationRefusal(.missing, "\(positions.count) transactions did not come in time")
        case .checking: DeclarationRefusal(.internalError, "the node did not answer in time")
        }
    }

    private func answer(
        _ request: UInt32, on connection: ConnectionID, _ refusal: DeclarationRefusal, _ turn: inout Turn
    ) {
        let error = DeclareMiningJobError(
            requestId: request, errorCode: WireText(refusal.code.rawValue),
            errorDetails: Array(refusal.details.utf8))
        turn.actions.append(.sendDeclaration(connection, .declareMiningJobError(error)))
        turn.actions.append(
            .refused(
                connection, what: DeclareMiningJob.name, code: refusal.code.rawValue, details: refusal.details
            ))
    }
}
