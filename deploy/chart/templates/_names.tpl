{{/* 40 characters at most: a pod's host name is its stage's name in Kafka, and may have 63. */}}
{{- define "pipeline.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "pipeline.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "pipeline.labels" -}}
{{ include "pipeline.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "pipeline.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "pipeline.secretName" -}}
{{- default (include "pipeline.fullname" .) .Values.secrets.existingSecret -}}
{{- end -}}

{{/* What one stage's pods have, as YAML: each of the defaults, or the stage's own in its place. */}}
{{- define "pipeline.stage" -}}
{{- $found := deepCopy .root.Values.defaults -}}
{{- range $name, $value := index .root.Values.stages .stage -}}
{{- $_ := set $found $name $value -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}
