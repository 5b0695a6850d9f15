public import BitcoinPrimitives

extension TemplateTransaction {
    /// Reads the bytes and holds what is stated against them.
    ///
    /// - Parameter position: in the template, for the refusal of bytes that are no transaction.
    func checked(at position: Int) throws(TemplateRefusal) -> CheckedTransaction {
        let transaction: Transaction
        do throws(ParsingFault) { transaction = try Transaction(wireBytes: wireBytes) } catch {
            throw .noTransaction(position: position, error)
        }
        let checked = CheckedTransaction(transaction, wireBytes: wireBytes)
        if let txid, txid != checked.txid { throw .txidDiffers(stated: txid, actual: checked.txid) }
        if let wtxid, wtxid != checked.wtxid { throw .wtxidDiffers(stated: wtxid, actual: checked.wtxid) }
        if let weight, weight != checked.weight {
            throw .weightDiffers(checked.txid, stated: weight, actual: checked.weight)
        }
        return checked
    }
}

/// A transaction with what its bytes tell.
struct CheckedTransaction: Sendable {
    let transaction: Transaction
    let wireBytes: [UInt8]
    let txid: Txid
    let wtxid: Wtxid
    let weight: Weight

    init(_ transaction: Transaction, wireBytes: [UInt8]) {
        self.transaction = transaction
        self.wireBytes = wireBytes
        let stripped = transaction.hasWitness ? transaction.strippedBytes : wireBytes
        txid = Txid(Hash256(hashing: stripped))
        wtxid = transaction.hasWitness ? Wtxid(Hash256(hashing: wireBytes)) : Wtxid(txid.hash)
        weight = Weight(weightUnits: UInt64(3 * stripped.count + wireBytes.count))
    }
}

extension BlockTemplate {
    /// Recomputes what the node states of its transactions: ids, weights, parents, the witness commitment. As long
    /// as hashing every transaction twice takes, so it has no place before a job.
    public func verify() throws(TemplateRefusal) { _ = try checkedTransactions() }

    /// The transactions as a mempool holds them, parents before children. Weights, ids and parents come from the
    /// bytes; a sigop cost that is not told is the least upper bound that the bytes and the list allow.
    public func entries() throws(TemplateRefusal) -> [MempoolEntry] {
        let all = try checkedTransactions()
        let positions = Dictionary(uniqueKeysWithValues: all.enumerated().map { ($1.txid, $0) })
        var entries = [MempoolEntry]()
        entries.reserveCapacity(all.count)
        for (stated, checked) in zip(transactions, all) {
            guard let fee = stated.fee else { throw .unknownFee(checked.txid) }
            let sigops = SigopBound(checked.transaction) { outpoint in
                positions[outpoint.txid].flatMap { all[$0].transaction.script(at: outpoint.index) }
            }
            entries.append(
                MempoolEntry(
                    txid: checked.txid, wtxid: checked.wtxid, weight: checked.weight,
                    sigopCost: stated.sigopCost ?? sigops.cost, fee: fee,
                    parents: checked.transaction.parents.filter { positions[$0] != nil },
                    wireBytes: stated.wireBytes))
        }
        return entries
    }

    private func checkedTransactions() throws(TemplateRefusal) -> [CheckedTransaction] {
        var all = [CheckedTransaction]()
        all.reserveCapacity(transactions.count)
        var positions: [Txid: Int] = [:]
        var spenders: [OutPoint: Txid] = [:]
        for (position, stated) in transactions.enumerated() {
            let checked = try stated.checked(at: position)
            guard positions.updateValue(position, forKey: checked.txid) == nil else {
                throw .duplicate(checked.txid)
            }
            for input in checked.transaction.inputs {
                if let other = spenders.updateValue(checked.txid, forKey: input.previousOutput) {
                    throw .conflict(other, checked.txid)
                }
            }
            all.append(checked)
        }
        try checkParents(all, positions)
        try checkCommitment(all)
        return all
    }

    private func checkParents(
        _ all: [CheckedTransaction], _ positions: [Txid: Int]
    ) throws(TemplateRefusal) {
        for (position, checked) in all.enumerated() {
            for parent in checked.transaction.parents {
                guard let place = positions[parent] else { continue }
                guard place < position else { throw .cyclicParents(position: position, parent: place) }
                if let named = transactions[position].parents, !named.contains(place) {
                    throw .unnamedParent(checked.txid, parent: parent)
                }
            }
        }
    }

    private func checkCommitment(_ all: [CheckedTransaction]) throws(TemplateRefusal) {
        guard let commitmentScript else { return }
        guard WitnessCommitment.script(wtxids: all.map(\.wtxid)) == commitmentScript else {
            throw .commitmentDiffers
        }
    }
}

extension Transaction {
    /// The transactions whose outputs it spends, each once.
    var parents: [Txid] {
        var parents = [Txid]()
        var seen = Set<Txid>()
        for input in inputs where seen.insert(input.previousOutput.txid).inserted {
            parents.append(input.previousOutput.txid)
        }
        return parents
    }

    func script(at index: UInt32) -> [UInt8]? {
        outputs.indices.contains(Int(index)) ? outputs[Int(index)].script : nil
    }
}
