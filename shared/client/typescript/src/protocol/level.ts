// Key levels, acr and amr (docs/protocol.md sections 2 and 12).

const ranks = new Map([
  ["strongbox", 5],
  ["secure_enclave", 5],
  ["tee", 4],
  ["tpm", 4],
  ["os_keystore", 2],
  ["software", 1],
]);

/** rank orders levels; 0 is unknown. */
export function rank(level: string): number {
  return ranks.get(level) ?? 0;
}

/** meets tells whether a key satisfies a required level. A level counts only when it is proven (T14). */
export function meets(least: string, level: string, proven: boolean): boolean {
  return least === "" || rank(proven ? level : "software") >= rank(least);
}

/** acrOf is the class of an approval: it claims what was met, and nothing else. */
export function acrOf(number: boolean, verified: boolean): string {
  if (number) return verified ? "urn:nod:acr:number-verified" : "urn:nod:acr:number";
  return verified ? "urn:nod:acr:verified" : "urn:nod:acr:presence";
}

/** amrOf lists the values of RFC 8176 that an approval may claim. */
export function amrOf(level: string, proven: boolean, userVerification: string): string[] {
  const methods = ["pop", proven && rank(level) >= 4 ? "hwk" : "swk", "user"];
  if (userVerification === "pin") methods.push("pin");
  if (userVerification !== "") methods.push("mfa");
  return methods;
}
