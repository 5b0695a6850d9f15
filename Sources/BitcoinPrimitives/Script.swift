/// The few facts about scripts that mining needs: the height push, standard output forms, and signature operations.
public enum Script {
    /// What a coinbase's scriptSig must begin with at `height` (BIP 34): the shortest push of the number.
    public static func heightPush(_ height: UInt32) -> [UInt8] {
        if height == 0 { return [0x00] }
        if height <= 16 { return [0x50 + UInt8(height)] }
        var number = [UInt8]()
        var rest = height
        while rest > 0 {
            number.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
        if number[number.count - 1] & 0x80 != 0 { number.append(0) }
        return [UInt8(number.count)] + number
    }

    /// The output script that pays to `redeemScript` as a version 0 witness program.
    public static func payToWitnessScriptHash(_ redeemScript: [UInt8]) -> [UInt8] {
        [0x00, 0x20] + sha256(redeemScript)
    }

    /// OP_TRUE: the script that anyone can spend.
    public static let opTrue: [UInt8] = [0x51]

    static func isPayToScriptHash(_ script: [UInt8]) -> Bool {
        script.count == 23 && script[0] == 0xa9 && script[1] == 0x14 && script[22] == 0x87
    }

    /// Version and program of a witness output (BIP 141); `nil` for other scripts.
    static func witnessProgram(_ script: [UInt8]) -> (version: UInt8, program: ArraySlice<UInt8>)? {
        guard (4...42).contains(script.count), Int(script[1]) == script.count - 2 else { return nil }
        switch script[0] {
        case 0x00: return (0, script[2...])
        case 0x51...0x60: return (script[0] - 0x50, script[2...])
        default: return nil
        }
    }

    /// Signature operations of a scriptSig and, should it be one, of the redeem script it pushes last; accurate.
    /// A last push in the form of a public key is taken for one.
    static func inputSigops(_ scriptSig: [UInt8]) -> Int {
        let own = sigops(in: scriptSig, accurate: true)
        guard let last = lastPush(of: scriptSig), !isPublicKey(last) else { return own }
        return own + sigops(in: last, accurate: true)
    }

    private static func isPublicKey(_ push: [UInt8]) -> Bool {
        switch push.first {
        case 0x02, 0x03: push.count == 33
        case 0x04: push.count == 65
        default: false
        }
    }

    /// Whether an output can never be spent, so that it never enters the set of coins.
    public static func isUnspendable(_ script: [UInt8]) -> Bool {
        script.first == 0x6a || script.count > 10_000
    }
}

extension Transaction {
    /// Signature operations counted without looking at the spent outputs, times four (BIP 141).
    public var legacySigopCost: Int {
        var count = 0
        for input in inputs { count += sigops(in: input.scriptSig, accurate: false) }
        for output in outputs { count += sigops(in: output.script, accurate: false) }
        return 4 * count
    }

    /// Cost of all signature operations, as the block limit of 80,000 counts them (BIP 141).
    ///
    /// - Parameter spentScripts: output scripts that the inputs spend, in order; ignored for a coinbase.
    public func sigopCost(spentScripts: [[UInt8]]) -> Int {
        precondition(isCoinbase || spentScripts.count == inputs.count, "one spent script for each input")
        guard !isCoinbase else { return legacySigopCost }
        return zip(inputs, spentScripts).reduce(legacySigopCost) { $0 + spendingCost($1.0, of: $1.1) }
    }
}

/// What spending `script` adds to the cost: script hash and witness forms.
private func spendingCost(_ input: TransactionInput, of script: [UInt8]) -> Int {
    if Script.isPayToScriptHash(script) {
        guard let redeemScript = lastPush(of: input.scriptSig) else { return 0 }
        let nested = Script.witnessProgram(redeemScript).map {
            witnessCost(input, version: $0.version, program: $0.program)
        }
        return 4 * sigops(in: redeemScript, accurate: true) + (nested ?? 0)
    }
    guard let program = Script.witnessProgram(script) else { return 0 }
    return witnessCost(input, version: program.version, program: program.program)
}

private func witnessCost(_ input: TransactionInput, version: UInt8, program: ArraySlice<UInt8>) -> Int {
    guard version == 0 else { return 0 }
    if program.count == 20 { return 1 }
    guard program.count == 32, let witnessScript = input.witness.last else { return 0 }
    return sigops(in: witnessScript, accurate: true)
}

/// The operations of a script: opcode and what it pushes. A push that runs past the end stops the walk.
private func forEachOperation(_ script: [UInt8], _ body: (_ opcode: UInt8, _ push: ArraySlice<UInt8>) -> Void)
    -> Bool
{
    var i = 0
    while i < script.count {
        let opcode = script[i]
        i += 1
        var length = 0
        if opcode <= 0x4b {
            length = Int(opcode)
        } else if opcode <= 0x4e {
            let lengthBytes = 1 << Int(opcode - 0x4c)
            guard script.count - i >= lengthBytes else { return false }
            for k in 0..<lengthBytes { length |= Int(script[i + k]) << (8 * k) }
            i += lengthBytes
        }
        guard script.count - i >= length else { return false }
        body(opcode, script[i..<i + length])
        i += length
    }
    return true
}

/// CHECKSIG counts 1; CHECKMULTISIG counts 20, or in accurate mode the number that a directly preceding OP_1 to OP_16
/// names.
private func sigops(in script: [UInt8], accurate: Bool) -> Int {
    var count = 0
    var previous: UInt8 = 0xff
    _ = forEachOperation(script) { opcode, _ in
        switch opcode {
        case 0xac, 0xad: count += 1
        case 0xae, 0xaf: count += accurate && (0x51...0x60).contains(previous) ? Int(previous) - 0x50 : 20
        default: break
        }
        previous = opcode
    }
    return count
}

/// The last item of a script that only pushes; `nil` when it does anything else.
private func lastPush(of script: [UInt8]) -> [UInt8]? {
    var last: [UInt8]?
    var pushesOnly = true
    let whole = forEachOperation(script) { opcode, push in
        switch opcode {
        case 0x00...0x4e: last = [UInt8](push)
        case 0x4f: last = [0x81]
        case 0x50: last = []
        case 0x51...0x60: last = [opcode - 0x50]
        default: pushesOnly = false
        }
    }
    return whole && pushesOnly ? last : nil
}
