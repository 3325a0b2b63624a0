{{/* What the operator may do in each namespace that it watches. The same rules make the ClusterRole and the Roles. */}}
{{- define "crawlfleet.rules" -}}
# The jobs: read, claim and finish them; delete is for ttlSecondsAfterFinished.
- apiGroups: [crawlfleet.io]
  resources: [crawljobs]
  verbs: [get, list, watch, patch, delete]
- apiGroups: [crawlfleet.io]
  resources: [crawljobs/status]
  verbs: [patch]
# The children of a job; Kubernetes deletes them with it, but workers go before the keys of an external Redis.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch]
# By name only: no list and no watch, so secrets that no job names stay unread.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create]
# Why a pod does not run, and its end within seconds when the job is gone.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, delete]
# Events told, and read where a pod's own status does not say why its claim waits.
- apiGroups: [""]
  resources: [events]
  verbs: [list, create]
{{- end -}}
