import { styleText } from 'node:util'
import { type BillLine, billOf, dollarsOf, type Usage } from '../../../infra/cost/bill.ts'

const leastShown = 0.005

const dollars = (amount: number): string => `$${amount.toFixed(2)}`

export const inShort = (amount: number): string =>
  amount >= 10 ? Math.round(amount).toLocaleString('en') : amount.toPrecision(2)

const row = (name: string, cost: number): string => `${name.padEnd(58)}${dollars(cost).padStart(10)}`

export const showSum = (title: string, usage: Usage): void => console.log(row(title, dollarsOf(billOf(usage))))

/** A bill with its sum in the first line, the largest item next; what is less than half a cent is left out. */
export const showBill = (title: string, bill: readonly BillLine[]): void => {
  console.log(`\n${styleText('bold', row(title, dollarsOf(bill)))}`)
  for (const { item, amount, unit, dollars: cost } of bill.toSorted((a, b) => b.dollars - a.dollars)) {
    if (cost >= leastShown) console.log(row(`  ${item.padEnd(30)}${inShort(amount).padStart(14)} ${unit}`, cost))
  }
}

/** Amounts for each of so many, the largest first: `MessageFunction 2.1, ReceiptsFunction 0.9`. */
export const perEach = (amounts: Iterable<readonly [name: string, amount: number]>, of: number): string =>
  [...amounts]
    .map(([name, amount]) => [name, amount / of] as const)
    .filter(([, amount]) => amount >= leastShown)
    .sort(([, a], [, b]) => b - a)
    .map(([name, amount]) => `${name} ${amount.toFixed(2)}`)
    .join(', ')
