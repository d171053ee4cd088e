import type { Template } from 'aws-cdk-lib/assertions'

type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** What a template says of one resource. */
export interface Resource {
  readonly id: string
  readonly type: string
  readonly properties: Readonly<Record<string, Json>>
  readonly deletionPolicy: string | undefined
  readonly dependsOn: readonly string[]
}

const isRecord = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * A value of a template as plain data: references become `<LogicalId>` or `<LogicalId.Attribute>`, and joins the text they make,
 * so that a test can compare what stands there with what it expects.
 */
export const render = (value: unknown): Json => {
  if (Array.isArray(value)) return value.map(render)
  if (!isRecord(value)) return value as Json
  const [[key, argument] = ['', null], ...others] = Object.entries(value)
  if (others.length === 0) {
    if (key === 'Ref') return `<${argument}>`
    if (key === 'Fn::GetAtt' && Array.isArray(argument)) return `<${argument.join('.')}>`
    if (key === 'Fn::Join' && Array.isArray(argument)) return (render(argument[1]) as Json[]).join(String(argument[0]))
    if (key === 'Fn::Split' && Array.isArray(argument)) return String(render(argument[1])).split(String(argument[0]))
    if (key === 'Fn::Select' && Array.isArray(argument)) {
      const list = render(argument[1])
      // What an attribute splits into is known to CloudFormation alone.
      return (Array.isArray(list) ? list[Number(argument[0])] : undefined) ?? `${list}[${argument[0]}]`
    }
    if (key === 'Fn::Sub') return String(argument).replace(/\$\{([^}]+)\}/g, '<$1>')
  }
  return Object.fromEntries(Object.entries(value).map(([name, content]) => [name, render(content)]))
}

/** Every resource of that type, rendered. */
export const resources = (template: Template, type: string): Resource[] =>
  Object.entries(template.findResources(type)).map(([id, resource]) => ({
    id,
    type,
    properties: render(resource.Properties ?? {}) as Record<string, Json>,
    deletionPolicy: resource.DeletionPolicy,
    dependsOn: [resource.DependsOn ?? []].flat(),
  }))

/** The one resource of that type. Throws when there is none or another. */
export const resource = (template: Template, type: string): Resource => {
  const [found, ...others] = resources(template, type)
  if (!found || others.length > 0) throw new Error(`there are ${found ? others.length + 1 : 0} ${type}`)
  return found
}

/** The one resource of that type with such an id. Throws when there is none or another. */
export const resourceLike = (template: Template, type: string, id: RegExp): Resource => {
  const [found, ...others] = resources(template, type).filter(each => id.test(each.id))
  if (!found || others.length > 0) throw new Error(`there are ${found ? others.length + 1 : 0} ${type} like ${id}`)
  return found
}

/** The Lambda that the topology calls by that name. */
export const functionNamed = (template: Template, name: string): Resource => {
  const id = new RegExp(`^Workers${name}[0-9A-F]{8}$`)
  const found = resources(template, 'AWS::Lambda::Function').find(each => id.test(each.id))
  if (!found) throw new Error(`the template has no ${name}`)
  return found
}

/** What is to be called for the Lambda that the topology calls by that name. */
export const aliasOf = (template: Template, name: string): Resource => {
  const { id } = functionNamed(template, name)
  const found = resources(template, 'AWS::Lambda::Alias').find(each => each.properties.FunctionName === `<${id}>`)
  if (!found) throw new Error(`${name} has no alias`)
  return found
}

/** The environment variables of that Lambda. */
export const variablesOf = (template: Template, name: string): Record<string, string> => {
  const { Environment } = functionNamed(template, name).properties
  return (Environment as { Variables: Record<string, string> }).Variables
}

export interface Statement {
  readonly owner: string
  readonly effect: string
  readonly actions: readonly string[]
  readonly resources: readonly string[]
  readonly condition: Json
  /** Whom the policy of a resource is about; null in a role's. */
  readonly principal: Json
}

const statementsOf = (owner: string, document: Json | undefined): Statement[] => {
  if (!isRecord(document)) return []
  return [document.Statement ?? []]
    .flat()
    .filter(isRecord)
    .map(statement => ({
      owner,
      effect: String(statement.Effect),
      actions: [statement.Action ?? []].flat().map(String),
      resources: [statement.Resource ?? []].flat().map(String),
      condition: statement.Condition ?? null,
      principal: statement.Principal ?? null,
    }))
}

/** Every statement that stands in a role or in a policy that is attached to one; `owner` is the role, as `<LogicalId>`. */
export const statements = (template: Template): Statement[] => [
  ...resources(template, 'AWS::IAM::Policy').flatMap(({ properties }) =>
    [properties.Roles ?? []].flat().flatMap(role => statementsOf(String(role), properties.PolicyDocument)),
  ),
  ...resources(template, 'AWS::IAM::Role').flatMap(({ id, properties }) =>
    [properties.Policies ?? []]
      .flat()
      .filter(isRecord)
      .flatMap(policy => statementsOf(`<${id}>`, policy.PolicyDocument)),
  ),
]

/** Every statement of the policies that stand on what they protect; `owner` is what has the policy. */
export const resourceStatements = (template: Template): Statement[] =>
  [...new Set(Object.values(template.toJSON().Resources).map(each => (each as { Type: string }).Type))]
    .filter(type => !type.startsWith('AWS::IAM::'))
    .flatMap(type => resources(template, type))
    .flatMap(({ id, properties }) =>
      ['KeyPolicy', 'PolicyDocument', 'ResourcePolicy'].flatMap(name => statementsOf(`<${id}>`, properties[name])),
    )
