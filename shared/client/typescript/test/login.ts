import { NodClient } from "@nod-auth/client";

const nod = new NodClient({
  url: process.env.NOD_URL!,
  key: process.env.NOD_API_KEY!,
  tenant: process.env.NOD_TENANT!,
  application: process.env.NOD_APPLICATION!,
});

export async function secondFactor(user: string, attempt: string, show: (number?: string) => void) {
  const challenge = await nod.createChallenge({ user_ref: user, transaction: attempt, action: { kind: "sign_in" } });
  show(challenge.match.number);
  const final = await nod.wait(challenge.id);
  return nod.verify(final.result, { subject: user, transaction: attempt });
}
