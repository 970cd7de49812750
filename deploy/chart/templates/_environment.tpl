{{/* Settings of one part (a stage, or `setup`), secrets left out. */}}
{{- define "pipeline.settings" -}}
{{- $values := .root.Values -}}
- name: PIPELINE_DATA_DIR
  value: /var/lib/pipeline
- name: PIPELINE_KAFKA__BOOTSTRAP_SERVERS
  value: {{ required "kafka.bootstrapServers: name the brokers, as broker-1:9092,broker-2:9092" $values.kafka.bootstrapServers | quote }}
- name: PIPELINE_KAFKA__TOPIC_PREFIX
  value: {{ $values.kafka.topicPrefix | quote }}
{{- with $values.kafka.options }}
{{- $options := dict }}
{{- range $name, $value := . }}
{{- $_ := set $options $name (toString $value) }}
{{- end }}
- name: PIPELINE_KAFKA__OPTIONS
  value: {{ toJson $options | quote }}
{{- end }}
{{- with $values.kafka.schemaRegistry }}
- name: PIPELINE_KAFKA__SCHEMA_REGISTRY
  value: {{ . | quote }}
{{- end }}
{{- if $values.topicsFile }}
- name: PIPELINE_KAFKA__TOPICS_FILE
  value: /etc/pipeline/topics.yaml
{{- end }}
{{- if ne .part "setup" }}
- name: PIPELINE_STAGE__HEALTH_HOST
  value: {{ $values.listenOn | quote }}
- name: PIPELINE_STAGE__HEALTH_PORT
  value: "8081"
- name: PIPELINE_STAGE__DRAIN_SECONDS
  value: {{ $values.drainSeconds | quote }}
{{- end }}
{{- if eq .part "api" }}
- name: PIPELINE_API__HOST
  value: {{ $values.listenOn | quote }}
- name: PIPELINE_API__PORT
  value: "8080"
{{- end }}
{{- range $name, $value := $values.settings }}
- name: {{ $name }}
  value: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }}
{{- end }}
{{- end -}}

{{/* Secrets of one part: those alone that it needs, by the names that the settings have. */}}
{{- define "pipeline.secrets" -}}
{{- $needed := dict
  "setup" (list "PIPELINE_STORE__URL")
  "router" (list)
  "sender" (list "PIPELINE_SECRETS__KEY")
  "scheduler" (list)
  "recorder" (list "PIPELINE_STORE__URL")
  "api" (list "PIPELINE_STORE__URL" "PIPELINE_SECRETS__KEY" "PIPELINE_API__OPERATOR_KEY")
-}}
{{- $possible := dict
  "setup" (list "PIPELINE_KAFKA__SCHEMA_REGISTRY_AUTH")
  "router" (list "PIPELINE_KAFKA__SCHEMA_REGISTRY_AUTH")
  "sender" (list "PIPELINE_SECRETS__OLDER_KEYS" "PIPELINE_MAIL__URL")
  "scheduler" (list "PIPELINE_KAFKA__SCHEMA_REGISTRY_AUTH")
  "recorder" (list "PIPELINE_MAIL__URL")
  "api" (list "PIPELINE_SECRETS__OLDER_KEYS" "PIPELINE_KAFKA__SCHEMA_REGISTRY_AUTH")
-}}
{{- $ofKafka := list
  "PIPELINE_KAFKA__OPTIONS__SASL.USERNAME"
  "PIPELINE_KAFKA__OPTIONS__SASL.PASSWORD"
  "PIPELINE_KAFKA__OPTIONS__SSL.KEY.PEM"
  "PIPELINE_KAFKA__OPTIONS__SSL.KEY.PASSWORD"
-}}
{{- $secret := .secret -}}
{{- range index $needed .part }}
- name: {{ . }}
  valueFrom:
    secretKeyRef: {name: {{ $secret }}, key: {{ . }}}
{{- end }}
{{- range index $possible .part }}
- name: {{ . }}
  valueFrom:
    secretKeyRef: {name: {{ $secret }}, key: {{ . }}, optional: true}
{{- end }}
{{- $kafkaSecret := default $secret .kafkaSecret -}}
{{- range $ofKafka }}
- name: {{ . }}
  valueFrom:
    secretKeyRef: {name: {{ $kafkaSecret }}, key: {{ . }}, optional: true}
{{- end }}
{{- end -}}
