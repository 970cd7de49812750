{{/* Where one part may connect to. */}}
{{- define "pipeline.egress" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- include "pipeline.egressRule" (dict "rule" $policy.dns "protocols" (list "UDP" "TCP")) }}
{{- include "pipeline.egressRule" (dict "rule" $policy.kafka "protocols" (list "TCP")) }}
{{- if has .part (list "recorder" "api" "setup") }}
{{- include "pipeline.egressRule" (dict "rule" $policy.store "protocols" (list "TCP")) }}
{{- end }}
{{- if and .root.Values.kafka.schemaRegistry (has .part (list "router" "scheduler" "api" "setup")) }}
{{- include "pipeline.egressRule" (dict "rule" $policy.schemaRegistry "protocols" (list "TCP")) }}
{{- end }}
{{- if has .part (list "sender" "recorder") }}
{{- include "pipeline.egressRule" (dict "rule" $policy.mail "protocols" (list "TCP")) }}
{{- end }}
{{- if .dialsOut }}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
    - ipBlock:
        cidr: ::/0
        except: ["::1/128", "fc00::/7", "fe80::/10"]
    {{- range $policy.privateNetworks }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
{{- end }}
{{- with $policy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "pipeline.egressRule" }}
{{- $protocols := .protocols }}
- ports:
    {{- range $port := .rule.ports }}
    {{- range $protocols }}
    - {protocol: {{ . }}, port: {{ $port }}}
    {{- end }}
    {{- end }}
  {{- with .rule.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
