import BitcoinPrimitives
import TestSupport
import Testing

/// The first mempool entry of `regtest-node.json.gz`: one input, two outputs, a witness of one byte.
private let recorded = hex(
    """
    0200000000010126efa05fb13203c4e44307b064e0769e971b9d0ab37fc71136f72996c130c49a0600000000fdffffff02bd
    2f2f00000000002200204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260bd2f2f0000000000
    2200204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc3326001015100000000
    """)

@Test func `a recorded transaction has the ids and the weight that its node gave it`() throws {
    let transaction = try Transaction(wireBytes: recorded)
    #expect(transaction.wireBytes == recorded)
    #expect(transaction.txid.displayHex == "7f175924ab0f1eda1f76798bfc038369b99c214ff41caf338729dbb081faf91e")
    #expect(
        transaction.wtxid.displayHex == "aba0805560bb29fe158a847816e2b170d3585678e219c23ff628a91c166a9dc9")
    #expect(transaction.weight == Weight(weightUnits: 553))
    #expect(transaction.outputs[0].script == Script.payToWitnessScriptHash(Script.opTrue))
    let outline = try TransactionOutline(wireBytes: recorded)
    #expect(outline.weight == transaction.weight)
    #expect(outline.size == recorded.count)
    #expect(outline.baseSize == transaction.strippedBytes.count)
    #expect(!outline.hasOnlyFinalInputs)
}

@Test func `whatever is accepted encodes back to itself, and both readers accept the same`() {
    var state: UInt64 = 1
    func next(below bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }
    var accepted = 0
    for _ in 0..<4_000 {
        var bytes = recorded
        for _ in 0...next(below: 3) { bytes[next(below: bytes.count)] = UInt8(next(below: 256)) }
        if next(below: 4) == 0 { bytes.removeLast(next(below: bytes.count)) }
        let transaction = try? Transaction(wireBytes: bytes)
        let outline = try? TransactionOutline(wireBytes: bytes)
        #expect((transaction == nil) == (outline == nil))
        guard let transaction, let outline else { continue }
        accepted += 1
        #expect(transaction.wireBytes == bytes)
        #expect(outline.baseSize == transaction.strippedBytes.count)
        #expect(outline.lockTime == transaction.lockTime)
    }
    #expect(accepted > 500)
}

@Test func `bytes that end early or go on are refused with the place`() {
    #expect(throws: ParsingFault.trailing(count: 1)) { try Transaction(wireBytes: recorded + [0]) }
    #expect(throws: ParsingFault.trailing(count: 1)) { try TransactionOutline(wireBytes: recorded + [0]) }
    let short = Array(recorded.dropLast())
    #expect(throws: ParsingFault.truncated(offset: short.count - 3, needed: 1)) {
        try Transaction(wireBytes: short)
    }
    // A count of 1 written in three bytes.
    var long = recorded
    long.replaceSubrange(6...6, with: [0xfd, 1, 0])
    #expect(throws: ParsingFault.badCount(offset: 6)) { try Transaction(wireBytes: long) }
    // Marker and flag, but no witness.
    var empty = recorded
    empty.removeSubrange((empty.count - 7)..<(empty.count - 4))
    empty.insert(0, at: empty.count - 4)
    #expect(throws: ParsingFault.badWitnessFlag(offset: 4)) { try Transaction(wireBytes: empty) }
}

@Test func `signature operations cost what BIP 141 says`() {
    let publicKey = [UInt8](repeating: 2, count: 33)
    let key: [UInt8] = [33] + publicKey
    let twoOfThree: [UInt8] = [0x52] + key + key + key + [0x53, 0xae]
    let hash20 = [UInt8](repeating: 7, count: 20)
    let keyHash: [UInt8] = [0x76, 0xa9, 0x14] + hash20 + [0x88, 0xac]
    func cost(
        spending script: [UInt8], scriptSig: [UInt8] = [], witness: [[UInt8]] = [], output: [UInt8] = [0x51]
    ) -> Int {
        Transaction(
            version: 2,
            inputs: [
                TransactionInput(
                    previousOutput: OutPoint(txid: Txid(.zero), index: 0), scriptSig: scriptSig, sequence: 0,
                    witness: witness)
            ], outputs: [TransactionOutput(value: .zero, script: output)], lockTime: 0
        ).sigopCost(spentScripts: [script])
    }
    let scriptHash: [UInt8] = [0xa9, 0x14] + hash20 + [0x87]
    let push = [UInt8(twoOfThree.count)] + twoOfThree
    #expect(cost(spending: keyHash) == 0)
    #expect(cost(spending: keyHash, output: keyHash) == 4)
    #expect(cost(spending: keyHash, output: twoOfThree) == 80)
    #expect(cost(spending: scriptHash, scriptSig: [0x4c] + push) == 12)
    #expect(cost(spending: [0x00, 0x14] + hash20) == 1)
    #expect(cost(spending: Script.payToWitnessScriptHash(twoOfThree), witness: [[], twoOfThree]) == 3)
    let nested: [UInt8] = [0x00, 0x20] + sha256(twoOfThree)
    #expect(cost(spending: scriptHash, scriptSig: [34] + nested, witness: [twoOfThree]) == 3)
    #expect(cost(spending: [0x51, 0x20] + sha256([]), witness: [twoOfThree]) == 0)
}

@Test func `a coinbase cut at its extranonce joins to the same bytes`() throws {
    let parts = CoinbaseParts(
        version: 2, scriptPrefix: Script.heightPush(228) + [4], extranonceSize: 4, sequence: 0xffff_fffe,
        outputs: [TransactionOutput(value: Satoshis(rawValue: 5), script: [0x51])], lockTime: 227)
    let extranonce: [UInt8] = [1, 2, 3, 4]
    let transaction = parts.transaction(extranonce: extranonce)
    #expect(parts.fullPrefix + extranonce + parts.fullSuffix == transaction.wireBytes)
    #expect(parts.strippedPrefix + extranonce + parts.strippedSuffix == transaction.strippedBytes)
    #expect(try Transaction(wireBytes: transaction.wireBytes) == transaction)
    #expect(parts.weight == transaction.weight)
    #expect(transaction.isCoinbase)
}

@Test func `a lock time is a height below 500 million and a time from there on`() {
    #expect(LockTime.isReached(0, atHeight: 0, medianTime: 0))
    #expect(!LockTime.isReached(10, atHeight: 10, medianTime: .max))
    #expect(LockTime.isReached(10, atHeight: 11, medianTime: 0))
    #expect(LockTime.isReached(499_999_999, atHeight: 500_000_000, medianTime: 0))
    #expect(!LockTime.isReached(500_000_000, atHeight: .max, medianTime: 500_000_000))
    #expect(LockTime.isReached(500_000_000, atHeight: 0, medianTime: 500_000_001))
}
