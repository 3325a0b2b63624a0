{{/* Names, labels and checks that several templates need. */}}

{{- define "crawlfleet.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "crawlfleet.fullname" -}}
{{- $name := include "crawlfleet.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "crawlfleet.selectorLabels" -}}
app.kubernetes.io/name: {{ include "crawlfleet.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "crawlfleet.labels" -}}
{{ include "crawlfleet.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "crawlfleet.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "crawlfleet.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name: name the existing ServiceAccount, or set serviceAccount.create=true" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "crawlfleet.image" -}}
{{- $image := .Values.image -}}
{{- $repository := required "image.repository: name the operator's image, for example --set image.repository=REGISTRY/crawlfleet/operator (`make images` builds it)" $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Of every container of this chart: what the restricted Pod Security profile asks, and a read-only root. */}}
{{- define "crawlfleet.containerSecurityContext" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
readOnlyRootFilesystem: true
{{- end -}}

{{- define "crawlfleet.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Fail where an object of the Prometheus operator is asked for and the cluster does not know its kind.
     Takes {root, value (what switched it on), kind}. */}}
{{- define "crawlfleet.requirePrometheusOperator" -}}
{{- if not (.root.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") -}}
{{- fail (printf "%s=true needs the Prometheus operator's CRDs (%s, monitoring.coreos.com/v1), which this cluster does not have: install them first, or set %s=false. For an offline `helm template` add --api-versions monitoring.coreos.com/v1" .value .kind .value) -}}
{{- end -}}
{{- end -}}
