import BitcoinPrimitives

extension Pool {
    /// The recorded mempool: ids, weights and fees computed anew and compared, parents found, each entry
    /// checked against the coins, and all of it ordered.
    ///
    /// - Parameter height: of the next block.
    init(recorded: [Recording.Entry], coins: CoinSet, height: UInt32) throws(RecordingFault) {
        let limit = RecordedNode.maximumRecordedEntries
        guard recorded.count <= limit else { throw .tooManyEntries(recorded.count, limit: limit) }
        self.init()
        var index: [Txid: Int] = [:]
        for (i, entry) in recorded.enumerated() {
            guard index.updateValue(i, forKey: entry.txid) == nil else { throw .duplicateEntry(entry.txid) }
        }
        for i in try dependencyOrder(of: recorded, index) {
            let entry = try mempoolEntry(recorded[i], among: recorded, index, coins, height)
            let outPoints = recorded[i].transaction.inputs.map(\.previousOutput)
            guard append(entry, spending: outPoints) else { throw .tangled(entry.txid) }
        }
    }
}

/// Parents before children, otherwise as recorded.
private func dependencyOrder(
    of recorded: [Recording.Entry], _ index: [Txid: Int]
) throws(RecordingFault) -> [Int] {
    var children = [[Int]](repeating: [], count: recorded.count)
    var waiting = [Int](repeating: 0, count: recorded.count)
    for (i, entry) in recorded.enumerated() {
        for parent in parents(of: entry.transaction, index) {
            guard let found = index[parent] else { continue }
            children[found].append(i)
            waiting[i] += 1
        }
    }
    var order = waiting.indices.filter { waiting[$0] == 0 }
    var next = 0
    while next < order.count {
        for child in children[order[next]] {
            waiting[child] -= 1
            if waiting[child] == 0 { order.append(child) }
        }
        next += 1
    }
    if let tangled = waiting.firstIndex(where: { $0 > 0 }) { throw .tangled(recorded[tangled].txid) }
    return order
}

/// Those transactions of the mempool whose outputs are spent, each once, in the order of the inputs.
private func parents(of transaction: Transaction, _ index: [Txid: Int]) -> [Txid] {
    var parents = [Txid]()
    for input in transaction.inputs {
        let txid = input.previousOutput.txid
        if index[txid] != nil, !parents.contains(txid) { parents.append(txid) }
    }
    return parents
}

private func mempoolEntry(
    _ entry: Recording.Entry, among recorded: [Recording.Entry], _ index: [Txid: Int], _ coins: CoinSet,
    _ height: UInt32
) throws(RecordingFault) -> MempoolEntry {
    let transaction = entry.transaction
    var inputs = UInt64(0)
    var scripts = [[UInt8]]()
    for input in transaction.inputs {
        let outPoint = input.previousOutput
        let output: TransactionOutput
        if let parent = index[outPoint.txid] {
            let outputs = recorded[parent].transaction.outputs
            guard outPoint.index < UInt32(outputs.count) else {
                throw .entry(entry.txid, .inputMissingOrSpent(position: 0, outPoint))
            }
            output = outputs[Int(outPoint.index)]
        } else if let coin = coins[outPoint] {
            guard !coin.isCoinbase || height - coin.height >= RecordedNode.coinbaseMaturity else {
                throw .entry(entry.txid, .prematureCoinbaseSpend(position: 0, outPoint))
            }
            output = TransactionOutput(value: coin.value, script: coin.script)
        } else {
            throw .entry(entry.txid, .inputMissingOrSpent(position: 0, outPoint))
        }
        inputs = inputs.addingClamped(output.value.rawValue)
        scripts.append(output.script)
    }
    let outputs = transaction.outputs.reduce(UInt64(0)) { $0.addingClamped($1.value.rawValue) }
    guard inputs <= Satoshis.max.rawValue else { throw .entry(entry.txid, .valuesOutOfRange(position: 0)) }
    guard outputs <= inputs else { throw .entry(entry.txid, .outputsExceedInputs(position: 0)) }
    let computed = MempoolEntry(
        transaction, fee: Satoshis(rawValue: inputs - outputs), parents: parents(of: transaction, index),
        spentScripts: scripts)
    guard computed.txid == entry.txid else {
        throw .txidDiffers(recorded: entry.txid, computed: computed.txid)
    }
    guard computed.weight == entry.weight else {
        throw .weightDiffers(entry.txid, recorded: entry.weight, computed: computed.weight)
    }
    guard computed.fee == entry.fee else {
        throw .feeDiffers(entry.txid, recorded: entry.fee, computed: computed.fee)
    }
    return computed
}

extension UInt64 {
    fileprivate func addingClamped(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
