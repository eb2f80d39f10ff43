import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

export const folder = fileURLToPath(new URL('../../deploy/kubernetes/', import.meta.url))

/** A manifest of deploy/kubernetes. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
}

export interface Kustomization {
  readonly namespace: string
  readonly resources: readonly string[]
  readonly images: readonly { readonly name: string; readonly newTag: string }[]
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string; readonly httpHeaders: readonly Variable[] }
  readonly periodSeconds: number
  readonly timeoutSeconds: number
}

interface Variable {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string; readonly optional?: boolean } }
}

interface Container {
  readonly image: string
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly env: readonly Variable[]
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
  readonly readinessProbe: Probe
  readonly livenessProbe: Probe
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } }
  readonly resources: { readonly limits: Readonly<Record<string, string>> }
  readonly securityContext: unknown
}

interface Selector {
  readonly matchLabels: Readonly<Record<string, string>>
}

/** The manifests of deploy/kubernetes, by their kinds. */
export interface Manifests {
  readonly Deployment: Manifest & {
    readonly spec: {
      readonly replicas: number
      readonly selector: Selector
      readonly strategy: unknown
      readonly template: {
        readonly metadata: { readonly labels: Readonly<Record<string, string>> }
        readonly spec: {
          readonly enableServiceLinks: boolean
          readonly automountServiceAccountToken: boolean
          readonly securityContext: { readonly runAsUser: number }
          readonly terminationGracePeriodSeconds: number
          readonly containers: readonly [Container]
          readonly volumes: readonly {
            readonly name: string
            readonly secret: {
              readonly secretName: string
              readonly items: readonly { readonly key: string; readonly path: string }[]
            }
          }[]
        }
      }
    }
  }
  readonly Service: Manifest & {
    readonly spec: {
      readonly selector: Selector['matchLabels']
      readonly ports: readonly { readonly port: number; readonly targetPort: string }[]
    }
  }
  readonly PodDisruptionBudget: Manifest & { readonly spec: { readonly maxUnavailable: number; readonly selector: Selector } }
  readonly NetworkPolicy: Manifest & { readonly spec: { readonly podSelector: Selector } }
  readonly HTTPRoute: Manifest & {
    readonly spec: { readonly hostnames: readonly string[]; readonly rules: readonly unknown[] }
  }
}

/** Reads a file of deploy/kubernetes. */
export function readYaml(name: string): unknown {
  return parse(readFileSync(folder + name, 'utf8'))
}

export const kustomization = readYaml('kustomization.yaml') as Kustomization
/** The files that are no manifests. */
export const others = ['kustomization.yaml', 'ollama-values.yaml']
export const files = readdirSync(folder).filter((name) => !others.includes(name))
export const manifests = Object.fromEntries(
  files.map((name) => {
    const manifest = readYaml(name) as Manifest
    return [manifest.kind, manifest]
  }),
) as unknown as Manifests
