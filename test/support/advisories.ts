import * as z from 'zod'

/** A known weakness of a package, as the registry tells of it. */
export interface Advisory {
  /** `GHSA-…` */
  readonly id: string
  readonly package: string
  readonly severity: string
  readonly title: string
}

const Via = z.object({ name: z.string(), title: z.string(), url: z.string(), severity: z.string() })

/** What `npm audit --json` prints. Where the registry has not answered, it prints something else. */
const Report = z.object({
  auditReportVersion: z.literal(2),
  vulnerabilities: z.record(z.string(), z.object({ via: z.array(z.union([Via, z.string()])) })),
})

/** Every advisory in the output of `npm audit --json`, once; undefined when the registry has not answered. */
export const advisoriesIn = (output: string): Advisory[] | undefined => {
  const { data: report } = Report.safeParse(parsed(output))
  if (!report) return undefined
  const found = new Map<string, Advisory>()
  for (const { via } of Object.values(report.vulnerabilities)) {
    for (const each of via) {
      // A name leads to the package that has the weakness itself, and is listed, too.
      if (typeof each === 'string') continue
      const id = each.url.split('/').at(-1) ?? each.url
      found.set(`${id} ${each.name}`, { id, package: each.name, severity: each.severity, title: each.title })
    }
  }
  return [...found.values()]
}

const parsed = (output: string): unknown => {
  try {
    return JSON.parse(output)
  } catch {
    return undefined
  }
}

/** Those of which the documentation says nothing. */
export const unexplained = (advisories: readonly Advisory[], documentation: string): Advisory[] =>
  advisories.filter(({ id }) => !documentation.includes(id))
